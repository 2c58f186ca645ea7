"""When a line that faults is left alone: five faults in a row, or one that says so, set it aside for a while.

Pure: the time is passed in. Each process judges for itself, from its own calls; the health check's judgement, which
all share, comes on top.
"""

from dataclasses import dataclass

from libs.common.providers.errors import FaultReason, LineFault


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitRules:
    """How patient to be.

    Args:
        faults_in_a_row: so many set a line aside.
        first_pause_s: for how long, the first time.
        longest_pause_s: each further time is twice as long, up to this.
        longest_wish_s: the most of a provider's own wish to be left alone that is followed.
    """

    faults_in_a_row: int = 5
    first_pause_s: float = 5.0
    longest_pause_s: float = 60.0
    longest_wish_s: float = 900.0


_DEFAULT = CircuitRules()

_ABOUT_THE_HANDLE = frozenset({FaultReason.UNSUPPORTED, FaultReason.VALIDATION})
"""Faults that another handle would not meet."""


class Circuit:
    """Judges one line.

    Args:
        rules: how patient to be.
    """

    def __init__(self, rules: CircuitRules = _DEFAULT) -> None:
        self._rules = rules
        self._in_a_row = 0
        self._pause_s = rules.first_pause_s
        self._open_until = 0.0
        self.last_fault: LineFault | None = None

    def closed_in(self, now: float) -> float:
        """Seconds until the line may be asked again; 0 where it may be asked now."""
        return max(0.0, self._open_until - now)

    def allows(self, now: float) -> bool:
        """Whether the line may be asked."""
        return now >= self._open_until

    def succeeded(self) -> None:
        """The line answered."""
        if self._in_a_row:
            self._in_a_row = 0
            self._pause_s = self._rules.first_pause_s

    def failed(self, fault: LineFault, now: float) -> bool:
        """The line faulted; answers whether that sets it aside just now.

        After a pause one fault is enough for the next, longer one. Answers that were under way when the line was set
        aside change nothing.
        """
        if fault.reason in _ABOUT_THE_HANDLE:
            return False
        self.last_fault = fault
        if not self.allows(now):
            return False
        self._in_a_row += 1
        wish = fault.retry_after.total_seconds() if fault.retry_after else 0.0
        told_to_stop = wish > 0 or fault.reason is FaultReason.RATE_LIMITED or fault.lasting
        if not told_to_stop and self._in_a_row < self._rules.faults_in_a_row:
            return False
        self._open_until = now + max(self._pause_s, min(wish, self._rules.longest_wish_s))
        self._pause_s = min(self._pause_s * 2, self._rules.longest_pause_s)
        self._in_a_row = self._rules.faults_in_a_row - 1
        return True
