"""How a line is, after one more look at it: slow to condemn, slow to trust again.

One look that fails makes a line *degraded*, which is still used where no better line is; only several in a row make it
*down*. A line that was not well has to answer several times in a row before it is *up* again.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from libs.common.stores.line_health import StoredHealth
from libs.common.stores.lines import HealthStatus

DOWN_AFTER: Final = 2
"""Looks that fail in a row before a line is down."""

UP_AFTER: Final = 2
"""Looks that succeed in a row before a line that was not well is up."""

SLOW_MS: Final = 3_000
"""An answer that takes longer makes a line degraded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look at a line showed.

    Args:
        at: when.
        latency_ms: how long its answer took; ``None`` where there was none.
        reason: what is wrong; ``None`` where nothing is.
        version: of the provider's software, where it says.
    """

    at: datetime
    latency_ms: int | None = None
    reason: str | None = None
    version: str | None = None

    @property
    def is_good(self) -> bool:
        """Whether the line can do its work."""
        return self.reason is None


def next_health(before: StoredHealth | None, look: Look) -> StoredHealth:
    """How a line is after a look at it.

    Args:
        before: how it was; ``None`` where it was never looked at.
        look: what this look showed.
    """
    failures = 0 if look.is_good else _failures(before) + 1
    successes = _successes(before) + 1 if look.is_good else 0
    return StoredHealth(
        status=_status(before, look, failures, successes),
        checked_at=look.at,
        latency_ms=look.latency_ms,
        consecutive_failures=failures,
        consecutive_successes=successes,
        reason=look.reason if not look.is_good else "slow" if _is_slow(look) else None,
    )


def _status(before: StoredHealth | None, look: Look, failures: int, successes: int) -> HealthStatus:
    if not look.is_good:
        was_down = before is not None and before.status is HealthStatus.DOWN
        return HealthStatus.DOWN if was_down or failures >= DOWN_AFTER else HealthStatus.DEGRADED
    if _is_slow(look):
        return HealthStatus.DEGRADED
    was_well = before is None or before.status is HealthStatus.UP
    return HealthStatus.UP if was_well or successes >= UP_AFTER else HealthStatus.DEGRADED


def _is_slow(look: Look) -> bool:
    return look.latency_ms is not None and look.latency_ms > SLOW_MS


def _failures(before: StoredHealth | None) -> int:
    return before.consecutive_failures if before else 0


def _successes(before: StoredHealth | None) -> int:
    return before.consecutive_successes if before else 0
