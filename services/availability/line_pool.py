"""The lines that this process asks: each with its connection, its judgement and its lanes, kept from job to job."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from libs.common.logging import get_logger
from libs.common.providers.checking import AvailabilityAnswer, AvailabilityChecker, LineReport
from libs.common.providers.errors import LineFault
from libs.common.stores.lines import HealthStatus, Line
from services.availability.circuit import Circuit
from services.availability.lanes import Lanes

log = get_logger(__name__)

FindLines = Callable[[str], Awaitable[list[Line]]]
"""The active lines of a workspace."""

Connect = Callable[[Line], AvailabilityChecker]
"""What asks a line; raises :class:`LineFault` where nothing can."""

_FRESH_S = 2.0
_MOST_WORKSPACES = 1_000
_MOST_LINES = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Desk:
    """A line as this process asks it.

    Args:
        line: the line as it was when it was read.
        rate: questions a second that it takes.
        circuit: this process's judgement of it.
        lanes: where questions go in.
    """

    line: Line
    rate: float
    circuit: Circuit
    lanes: Lanes


class LinePool:
    """Knows the lines of the workspaces that are being worked for.

    Args:
        find_lines: reads a workspace's active lines.
        connect: makes what asks a line.
        at_once: questions on their way to one line at once.
        default_rate: questions a second to a line that sets no rate of its own.
        clock_s: the event loop's clock.
    """

    def __init__(
        self,
        find_lines: FindLines,
        connect: Connect,
        *,
        at_once: int,
        default_rate: float,
        clock_s: Callable[[], float],
    ) -> None:
        self._find_lines = find_lines
        self._connect = connect
        self._at_once = at_once
        self._default_rate = default_rate
        self._clock_s = clock_s
        self._desks: dict[str, Desk] = {}
        self._of_workspace: dict[str, tuple[float, tuple[Desk, ...]]] = {}

    async def of_workspace(self, workspace_id: str) -> tuple[Desk, ...]:
        """The lines to ask: the active ones that are not down, or the ones that are where there is no other.

        The health check looks every few minutes, so a line that it last saw down may be back; asking is no risk.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        read_at, desks = self._of_workspace.get(workspace_id, (-_FRESH_S, ()))
        if self._clock_s() - read_at < _FRESH_S:
            return desks
        lines = await self._find_lines(workspace_id)
        better = [line for line in lines if line.health is not HealthStatus.DOWN]
        desks = tuple(self._desk_of(line) for line in better or lines)
        self._of_workspace.pop(workspace_id, None)
        _make_room(self._of_workspace, _MOST_WORKSPACES)
        self._of_workspace[workspace_id] = (self._clock_s(), desks)
        return desks

    def _desk_of(self, line: Line) -> Desk:
        known = self._desks.get(line.line_id)
        if known and _same_address(known.line, line):
            return known
        circuit = Circuit()
        lanes = Lanes(line.line_id, self._checker_of(line), circuit, at_once=self._at_once, clock_s=self._clock_s)
        desk = Desk(line, line.limits.checks_per_second or self._default_rate, circuit, lanes)
        _make_room(self._desks, _MOST_LINES)
        self._desks[line.line_id] = desk
        return desk

    def _checker_of(self, line: Line) -> AvailabilityChecker:
        try:
            return self._connect(line)
        except LineFault as fault:
            log.warning("line.unusable", line_id=line.line_id, workspace_id=line.workspace_id, reason=fault.reason)
            return _Unusable(fault)


class _Unusable:
    """Stands for a line that nothing can ask: every question meets the same fault."""

    def __init__(self, fault: LineFault) -> None:
        self._fault = fault

    async def check(self, handle: str) -> AvailabilityAnswer:  # noqa: ARG002 - the answer does not depend on it
        raise LineFault(self._fault.reason)

    async def report(self) -> LineReport:
        raise LineFault(self._fault.reason)


def _same_address(one: Line, other: Line) -> bool:
    """Whether asking the two means the same; their health may differ."""
    return (one.provider, one.server_url, one.credentials, one.limits) == (
        other.provider,
        other.server_url,
        other.credentials,
        other.limits,
    )


def _make_room(kept: dict[str, Any], most: int) -> None:
    """Forgets the oldest entry of a full cache; what is still in use is only looked up anew."""
    if len(kept) >= most:
        del kept[next(iter(kept))]
