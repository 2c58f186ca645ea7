"""Which line sends a message: conversations stay on their line, new ones go to the least loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from libs.common.messages.reasons import Reason


class LineState(StrEnum):
    """Whether a line may be used now."""

    READY = "ready"
    DEGRADED = "degraded"
    """It may be used where no better one may."""
    DOWN = "down"
    PAUSED = "paused"
    STOPPED = "stopped"
    MISCONFIGURED = "misconfigured"
    """Its settings cannot be read, so nobody knows what it may bear."""
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A line of the workspace as a message sees it.

    Args:
        line_id: its id.
        state: whether it may be used now.
        load: the part of its day that is already promised.
        reaches: whether its provider can reach this kind of handle at all.
    """

    line_id: str
    state: LineState
    load: float = 0.0
    reaches: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The line to use.

    Args:
        line_id: its id.
        starts_conversation: whether nothing was ever sent to this recipient on it.
    """

    line_id: str
    starts_conversation: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NoLine:
    """No line may be used now."""

    reason: Reason


_USABLE = (LineState.READY, LineState.DEGRADED)
_WHY_NOT = {
    LineState.DOWN: Reason.LINE_DOWN,
    LineState.PAUSED: Reason.LINE_PAUSED,
    LineState.STOPPED: Reason.STOPPED_LINE,
    LineState.MISCONFIGURED: Reason.LINE_FAULT,
}


def choose_line(
    candidates: Sequence[Candidate], *, conversation: str | None, wished: str | None = None
) -> Chosen | NoLine:
    """The line for a message.

    Args:
        candidates: the workspace's lines.
        conversation: the line on which this recipient was last written to, where there is one.
        wished: the line that the message names or was given before.
    """
    current = next((line for line in candidates if line.line_id == conversation), None)
    if current is not None and current.state is not LineState.RETIRED:
        if current.state in _USABLE:
            return Chosen(line_id=current.line_id, starts_conversation=False)
        return NoLine(reason=_WHY_NOT[current.state])
    usable = [line for line in candidates if line.state in _USABLE and line.reaches]
    if not usable:
        return NoLine(reason=_why_none(candidates))
    best = min(usable, key=lambda line: (_USABLE.index(line.state), line.line_id != wished, line.load, line.line_id))
    return Chosen(line_id=best.line_id, starts_conversation=True)


def _why_none(candidates: Sequence[Candidate]) -> Reason:
    """The most hopeful reason: a line that is down comes back by itself, one that is paused by its owner's act."""
    states = {candidate.state for candidate in candidates if candidate.reaches}
    return next((reason for state, reason in _WHY_NOT.items() if state in states), Reason.NO_LINE)
