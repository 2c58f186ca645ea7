"""Budgets that are in Redis while it is there, and in MongoDB while it is away."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from libs.common.budgets.contract import Budgets, Granted, Later, Wish, WorkspaceBudget
from libs.common.errors import StoreUnavailable
from libs.common.logging import get_logger

log = get_logger(__name__)

T = TypeVar("T")


class BudgetsWithFallback:
    """See :class:`~libs.common.budgets.contract.Budgets`.

    Args:
        primary: the budgets in Redis.
        fallback: the budgets in MongoDB.
        leave_alone: for how long Redis is not asked after it was away: a Redis that hangs answers nothing slowly.
        monotonic: tells the time in seconds.
    """

    def __init__(
        self,
        primary: Budgets,
        fallback: Budgets,
        *,
        leave_alone: timedelta = timedelta(seconds=3),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._primary = primary
        self._fallback = fallback
        self._leave_alone_s = leave_alone.total_seconds()
        self._monotonic = monotonic
        self._ask_primary_at = 0.0

    def reserve(self, workspace: WorkspaceBudget, wish: Wish) -> Granted | Later:
        """Whether a message may go now; if not, from when on."""
        return self._either(lambda budgets: budgets.reserve(workspace, wish))

    def still_reserved(self, workspace: WorkspaceBudget, wish: Wish) -> bool:
        """Whether a granted reservation still stands."""
        return self._either(lambda budgets: budgets.still_reserved(workspace, wish))

    def give_back(self, workspace_id: str, wish: Wish) -> None:
        """Undoes a reservation, wherever it was made."""
        self._fallback.give_back(workspace_id, wish)
        self._primary.give_back(workspace_id, wish)

    def loads(self, workspace: WorkspaceBudget) -> dict[str, float]:
        """By line id, the part of the line's day that is promised already."""
        return self._either(lambda budgets: budgets.loads(workspace))

    def _either(self, ask: Callable[[Budgets], T]) -> T:
        if self._monotonic() >= self._ask_primary_at:
            try:
                return ask(self._primary)
            except StoreUnavailable as error:
                if error.store != "redis":
                    raise
                self._ask_primary_at = self._monotonic() + self._leave_alone_s
                log.warning("budgets.redis_lost", error=error.reason)
        return ask(self._fallback)
