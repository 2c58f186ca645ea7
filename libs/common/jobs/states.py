"""The states of a job, by the names used in metrics, JSON, the dashboard and the code."""

from enum import StrEnum


class JobState(StrEnum):
    """Where a job is. A job is in exactly one state at any time."""

    WAITING = "waiting"
    PRIORITIZED = "prioritized"
    DELAYED = "delayed"
    ACTIVE = "active"
    COMPLETED = "completed"
    FAILED = "failed"
    PAUSED = "paused"
    WAITING_CHILDREN = "waiting-children"


class LedgerStatus(StrEnum):
    """What the ledger knows of an accepted job: still open, or how it ended."""

    ACCEPTED = "accepted"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_LEDGER_STATUSES = frozenset({LedgerStatus.ACCEPTED})
