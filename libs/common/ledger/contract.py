"""What a ledger does; every implementation keeps to this."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from libs.common.ledger.model import Accepted, Ending, LedgerEntry, NewEntry, OpenJob, Reopening


class Ledger(Protocol):
    """The lasting record of every job that came from outside. All methods are thread-safe.

    Any method raises :class:`~libs.common.errors.StoreUnavailable` when the store is away; a write that raised it may
    or may not have happened, which is why every write here can be repeated.
    """

    def accept(self, entry: NewEntry) -> Accepted:
        """Stores a job for good before answering.

        A known id, or a unique key that an unfinished job holds, stores nothing and answers the entry that is there:
        a second request meets the first one's job.

        Raises:
            PayloadTooLarge: the payload does not fit one document.
        """
        ...

    def accept_many(self, entries: Sequence[NewEntry]) -> list[Accepted]:
        """Stores many jobs in one call; one answer per entry, in their order, each as :meth:`accept` would give it."""
        ...

    def finish(self, ending: Ending) -> bool:
        """Records how a job ended, once: a job that has ended, or is unknown, stays as it is.

        But a job that a person cancelled while it ran, and that came to its end all the same, has ended as it did.

        Returns:
            whether this call ended it.
        """
        ...

    def finish_many(self, endings: Sequence[Ending]) -> int:
        """Records many endings in one call; answers how many jobs it ended."""
        ...

    def reopen(self, job_id: str) -> Reopening:
        """Owes a failed job again, as if it had just been accepted; its delay and its end are forgotten.

        A unique key that another unfinished job holds is not taken from it.
        """
        ...

    def reopen_many(self, job_ids: Sequence[str]) -> dict[str, Reopening]:
        """Owes many failed jobs again; one answer per job, each as :meth:`reopen` would give it."""
        ...

    def reopen_with(self, job_id: str, data: Mapping[str, Any], *, unique_key: str | None) -> Reopening:
        """Owes a failed job again with another payload; otherwise as :meth:`reopen`.

        Args:
            job_id: which job.
            data: the payload as it goes over the wire.
            unique_key: what that payload stands for.
        """
        ...

    def get(self, job_id: str) -> LedgerEntry | None:
        """The entry of a job, without its payload."""
        ...

    def data_of(self, job_id: str) -> dict[str, Any] | None:
        """The payload of a job as it goes over the wire."""
        ...

    def data_of_many(self, job_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The payloads of these jobs by job id; unknown ids are left out."""
        ...

    def open_entries(self, job_ids: Sequence[str]) -> list[LedgerEntry]:
        """The entries of those of these jobs that are unfinished, in the order of their ids, without their payloads."""
        ...

    def open_jobs(self, *, after_id: str, limit: int, older_than: datetime | None = None) -> list[OpenJob]:
        """Unfinished jobs in the order of their ids: one page.

        Args:
            after_id: the last id of the page before; empty for the first page.
            limit: the most jobs to answer.
            older_than: leaves out what was accepted later than this; ``None`` leaves nothing out.
        """
        ...
