"""A workspace as its messages see it: its lines and what they may bear, read at most a second ago."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

import msgspec

from libs.common.budgets.contract import WorkspaceBudget
from libs.common.offload import Offload
from libs.common.stores.sending_lines import SendingLine, SendingLineStore
from libs.common.stores.workspace_limits import WorkspaceLimitStore


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace.

    Args:
        lines: its lines by id.
        budget: what they may bear.
    """

    lines: dict[str, SendingLine]
    budget: WorkspaceBudget


class Workspaces:
    """Reads workspaces; of many messages at once, one reads for all.

    Args:
        lines: reads lines.
        limits: reads workspaces' limits.
        offload: where blocking calls run.
        keep: for how long an answer is good.
        monotonic: tells the time in seconds.
    """

    def __init__(
        self,
        lines: SendingLineStore,
        limits: WorkspaceLimitStore,
        offload: Offload,
        *,
        keep: timedelta = timedelta(seconds=1),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lines = lines
        self._limits = limits
        self._offload = offload
        self._keep_s = keep.total_seconds()
        self._monotonic = monotonic
        self._known: dict[str, tuple[float, Workspace]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def get(self, workspace_id: str) -> Workspace:
        """The workspace as of at most a second ago.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        async with self._locks.setdefault(workspace_id, asyncio.Lock()):
            known = self._known.get(workspace_id)
            if known is None or self._monotonic() - known[0] >= self._keep_s:
                read_at = self._monotonic()
                self._forget_old(read_at)
                known = (read_at, await self._offload.run(self._read, workspace_id))
                self._known[workspace_id] = known
            return known[1]

    def _forget_old(self, now: float) -> None:
        for workspace_id in [name for name, (at, _) in self._known.items() if now - at >= self._keep_s]:
            del self._known[workspace_id]
            if not self._locks[workspace_id].locked():
                del self._locks[workspace_id]

    def _read(self, workspace_id: str) -> Workspace:
        lines = self._lines.of_workspace(workspace_id)
        limits = self._limits.get(workspace_id)
        budget = WorkspaceBudget(
            workspace_id=workspace_id,
            zone=limits.zone,
            lines=tuple(line.budget for line in lines),
            per_day=limits.per_day,
            recipient_gap=limits.recipient_gap,
            epoch=limits.epoch,
        )
        return Workspace(lines={line.line_id: line for line in lines}, budget=budget)
