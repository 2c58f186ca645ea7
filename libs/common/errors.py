"""The errors of Tuco Jobs: one small hierarchy whose classes say what can be done about them.

What a worker raises decides what the queue does next: :class:`Retryable` runs the job again after a backoff,
:class:`NotNow` moves it to a moment without counting an attempt, :class:`Permanent` makes it a dead letter at once.
Any other exception counts as retryable, because an unknown fault may heal and a lost job does not.
"""

from datetime import datetime, timedelta


class TucoError(Exception):
    """Something went wrong in Tuco Jobs."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").split("\n", 1)[0])


class SettingsError(TucoError):
    """A setting is missing or wrong; the message names it and says what it should be."""


class InvalidInput(TucoError):
    """A caller sent something that cannot be used.

    Args:
        field: the path of the offending field as the caller wrote it (``data.leadIds[3]``).
        problem: what is wrong and what would be right, for a person.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class PayloadTooLarge(InvalidInput):
    """A job's payload exceeds what a queue carries."""


class StoreUnavailable(TucoError):
    """A store (Redis or MongoDB) cannot be reached or refuses to serve.

    Args:
        store: ``redis`` or ``mongodb``.
        reason: what the store or its driver said, free of secrets.
    """

    def __init__(self, store: str, reason: str) -> None:
        super().__init__(f"{store} is unavailable: {reason}")
        self.store = store
        self.reason = reason


class QueueFull(StoreUnavailable):
    """Redis has reached ``maxmemory`` and refuses new jobs; nothing was evicted."""


class Retryable(TucoError):
    """An attempt failed in a way that may heal; the job runs again after a backoff.

    Args:
        message: what happened.
        after: the earliest time from now for the next attempt, where the other side said so (``Retry-After``).
    """

    def __init__(self, message: str | None = None, *, after: timedelta | None = None) -> None:
        super().__init__(message)
        self.after = after


class Permanent(TucoError):
    """An attempt failed in a way that no repetition heals; the job becomes a dead letter at once."""


class NotNow(TucoError):
    """The job may not run yet; it is moved to ``until`` and no attempt is counted.

    Args:
        until: the moment of the next try, aware.
        reason: the limit that binds, in a few words.
        came_further: whether this run stored progress that the next one goes on from; the workers that died under
            the job before are then forgiven it.
    """

    def __init__(self, until: datetime, reason: str, *, came_further: bool = False) -> None:
        super().__init__(f"not before {until.isoformat()}: {reason}")
        self.until = until
        self.reason = reason
        self.came_further = came_further


class JobCancelled(TucoError):
    """The job was cancelled while it ran."""


class LeaseLost(TucoError):
    """The worker's lease on the job has expired or passed to another; its outcome no longer counts."""
