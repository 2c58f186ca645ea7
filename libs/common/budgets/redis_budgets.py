"""Budgets in Redis: every layer of a message's way is reserved by one script, or none is.

Redis is a fast index here too. The counts carry an epoch; where it is not the current one (Redis lost its data or was
restarted, or something was sent while Redis was away) they are made anew from MongoDB before anything is granted.
"""

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cache
from importlib import resources
from typing import Any, Final

from redis import Redis

from libs.common.broker.connection import redis_errors
from libs.common.broker.keys import PREFIX
from libs.common.budgets.cached_epoch import CachedEpoch
from libs.common.budgets.contract import Granted, Later, LineBudget, Wish, WorkspaceBudget
from libs.common.budgets.keys import BudgetKeys
from libs.common.budgets.openings import horizon_of, openings_of
from libs.common.budgets.rebuilding import Rebuilder
from libs.common.budgets.records import RecordReader
from libs.common.budgets.slots import LATE_OK_MS, WINDOW_MS, Opening
from libs.common.clock import Clock, SystemClock, from_ms, to_ms
from libs.common.errors import StoreUnavailable
from libs.common.logging import get_logger
from libs.common.messages.reasons import Reason
from libs.common.messages.recipient import recipient_key

log = get_logger(__name__)

NEAR_DAYS: Final = 2
FAR_DAYS: Final = 31
"""How far ahead a slot is looked for: nearly always today or tomorrow is enough, and a month always is."""

_SPREAD_BEYOND_HORIZON: Final = timedelta(hours=1)
_CLOCK_SLACK: Final = timedelta(minutes=5)
_REBUILDS: Final = 5


class RedisBudgets:
    """See :class:`~libs.common.budgets.contract.Budgets`.

    Args:
        redis: a client that answers bytes.
        records: what MongoDB knows, for when Redis does not.
        redis_epoch: tells which life of Redis's data this is.
        clock: for openings; what decides about a slot is Redis's own clock.
        now_ms: tells the script what time it is; 0, as always outside tests, for Redis's own clock.
        uniform: a number between two others, for the pauses between messages.
        prefix: what all keys of this installation start with.
    """

    def __init__(
        self,
        redis: "Redis",
        records: RecordReader,
        *,
        redis_epoch: CachedEpoch,
        clock: Clock | None = None,
        now_ms: Callable[[], int] = int,
        uniform: Callable[[float, float], float] = random.uniform,
        prefix: str = PREFIX,
    ) -> None:
        self._redis = redis
        self._redis_epoch = redis_epoch
        self._clock = clock or SystemClock()
        self._now_ms = now_ms
        self._uniform = uniform
        self._prefix = prefix
        self._reserve = redis.register_script(_source("reserve"))
        self._give_back = redis.register_script(_source("give_back"))
        self._rebuilder = Rebuilder(redis, records, redis.register_script(_source("finish_rebuild")))

    def reserve(self, workspace: WorkspaceBudget, wish: Wish) -> Granted | Later:
        """Whether a message may go now; if not, from when on."""
        line = workspace.line(wish.line_id)
        for _ in range(_REBUILDS):
            answer = self._place(workspace, line, wish, days=NEAR_DAYS)
            if isinstance(answer, Later) and not answer.promised and answer.reason is not Reason.RECIPIENT_GAP:
                answer = self._place(workspace, line, wish, days=FAR_DAYS)
            if answer is not None:
                return answer
            self._redis_epoch.refresh()
            self._rebuilder.rebuild(
                workspace, self._keys(workspace.workspace_id), epoch=self._epoch(workspace), now=self._clock.now()
            )
        raise StoreUnavailable("redis", "the budgets were lost again while they were made anew")

    def still_reserved(self, workspace: WorkspaceBudget, wish: Wish) -> bool:
        """Whether a granted reservation still stands."""
        keys = self._keys(workspace.workspace_id)
        with redis_errors():
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.get(keys.epoch)
            pipeline.hexists(keys.held(wish.line_id), wish.message_id)
            epoch, held = pipeline.execute()
        return bool(held) and epoch == self._epoch(workspace).encode()

    def give_back(self, workspace_id: str, wish: Wish) -> None:
        """Undoes a reservation."""
        keys = self._keys(workspace_id)
        with redis_errors():
            held = self._redis.hget(keys.held(wish.line_id), wish.message_id)
            if held is None:
                return
            _, line_day, workspace_day, new, recipient = (held if isinstance(held, str) else held.decode()).split("|")
            touched = [
                keys.slots(wish.line_id),
                keys.held(wish.line_id),
                keys.recipient(recipient),
                keys.line_day(wish.line_id, line_day),
                keys.workspace_day(workspace_day),
            ]
            self._give_back(keys=touched, args=[wish.message_id, held, recipient, new])

    def loads(self, workspace: WorkspaceBudget) -> dict[str, float]:
        """By line id, the part of the line's day that is promised already."""
        keys = self._keys(workspace.workspace_id)
        now = self._clock.now()
        today = [next(iter(openings_of(line, workspace, now=now, days=NEAR_DAYS)), None) for line in workspace.lines]
        with redis_errors():
            pipeline = self._redis.pipeline(transaction=False)
            for line, opening in zip(workspace.lines, today, strict=True):
                pipeline.hget(keys.line_day(line.line_id, opening.line_day if opening else "-"), "m")
            counts = pipeline.execute()
        return {
            line.line_id: int(count or 0) / _capacity(opening)
            for line, opening, count in zip(workspace.lines, today, counts, strict=True)
        }

    def _place(self, workspace: WorkspaceBudget, line: LineBudget, wish: Wish, *, days: int) -> Granted | Later | None:
        """One run of the script; ``None`` where the counts have to be made anew first."""
        now = self._clock.now()
        openings = openings_of(line, workspace, now=now - _CLOCK_SLACK, days=days)
        horizon = horizon_of(line, now=now, days=days)
        line_days = list(dict.fromkeys(opening.line_day for opening in openings))
        workspace_days = list(dict.fromkeys(opening.workspace_day for opening in openings))
        keys = self._keys(workspace.workspace_id)
        recipient = recipient_key(workspace.workspace_id, wish.recipient)
        touched = [
            keys.epoch,
            keys.slots(wish.line_id),
            keys.held(wish.line_id),
            keys.recipient(recipient),
            *(keys.line_day(wish.line_id, day) for day in line_days),
            *(keys.workspace_day(day) for day in workspace_days),
        ]
        arguments: list[Any] = [
            self._epoch(workspace),
            wish.message_id,
            recipient,
            int(wish.starts_conversation),
            self._now_ms(),
            _or_none(line.limits.per_minute),
            self._gap_ms(line),
            workspace.recipient_gap // timedelta(milliseconds=1),
            to_ms(horizon),
            LATE_OK_MS,
            WINDOW_MS,
            len(line_days),
            len(workspace_days),
            *line_days,
            *workspace_days,
        ]
        for opening in openings:
            arguments += _opening_arguments(opening, line_days, workspace_days)
        with redis_errors():
            word, at_ms, reason, promised, _kept = self._reserve(keys=touched, args=arguments)
        if word == b"rebuild":
            return None
        if word == b"now":
            return Granted()
        at = from_ms(float(at_ms))
        if not promised and reason != b"recipient_gap":
            at += _SPREAD_BEYOND_HORIZON * self._uniform(0, 1)
        return Later(at=at, reason=Reason(reason.decode()) if reason else None, promised=bool(promised))

    def _gap_ms(self, line: LineBudget) -> int:
        """A pause of between half and all of the even spacing, so that no two lines ever tick alike."""
        if not line.limits.per_minute:
            return 0
        even = 60_000 / line.limits.per_minute
        return int(self._uniform(even / 2, even))

    def _epoch(self, workspace: WorkspaceBudget) -> str:
        return f"{workspace.epoch}/{self._redis_epoch.current()}"

    def _keys(self, workspace_id: str) -> BudgetKeys:
        return BudgetKeys(workspace_id, prefix=self._prefix)


def _opening_arguments(opening: Opening, line_days: Sequence[str], workspace_days: Sequence[str]) -> list[int]:
    return [
        opening.opens_ms,
        opening.closes_ms,
        line_days.index(opening.line_day) + 1,
        workspace_days.index(opening.workspace_day) + 1,
        _or_none(opening.per_day),
        _or_none(opening.new_per_day),
        _or_none(opening.workspace_per_day),
    ]


_UNLIMITED_CAPACITY: Final = 1_000
"""What a line without a daily limit counts as, so that its load can be compared."""


def _capacity(opening: Opening | None) -> int:
    limit = opening.per_day if opening else None
    return max(1, limit) if limit is not None else _UNLIMITED_CAPACITY


def _or_none(limit: int | None) -> int:
    return -1 if limit is None else limit


@cache
def _source(name: str) -> str:
    return (resources.files("libs.common.budgets") / "scripts" / f"{name}.lua").read_text(encoding="utf-8")
