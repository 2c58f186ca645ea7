"""Which line gets how many questions: shares that let all lines finish at the same moment. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LineLoad:
    """What a line can do and what it has to do already.

    Args:
        rate: questions a second.
        queued: questions given to it that are not answered.
    """

    rate: float
    queued: int = 0


def share_out(questions: int, lines: Sequence[LineLoad]) -> list[int]:
    """How many of ``questions`` each line is to get, in the order of ``lines``.

    The line that is busy for longest is given the least; where all are idle the shares are as their rates.

    Args:
        questions: how many there are to give, none or more.
        lines: at least one.
    """
    level = _finishing_time(questions, lines)
    wanted = [max(0.0, level * line.rate - line.queued) for line in lines]
    shares = [int(wish) for wish in wanted]
    left = questions - sum(shares)
    # What rounding left goes to those that it cost most, and then to whoever is fastest.
    by_loss = sorted(range(len(lines)), key=lambda i: (shares[i] - wanted[i], -lines[i].rate))
    for i in range(left):
        shares[by_loss[i % len(lines)]] += 1
    return shares


def _finishing_time(questions: int, lines: Sequence[LineLoad]) -> float:
    """When all could be done, in seconds: lines that are busy beyond that moment get nothing."""
    by_end = sorted(lines, key=lambda line: line.queued / line.rate)
    rate = queued = 0.0
    level = 0.0
    for line in by_end:
        if rate and line.queued / line.rate >= level:
            break
        rate += line.rate
        queued += line.queued
        level = (questions + queued) / rate
    return level
