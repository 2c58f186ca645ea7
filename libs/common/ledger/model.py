"""The data that go into the ledger and come out of it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from libs.common.broker.model import JobOptions
from libs.common.jobs.states import OPEN_LEDGER_STATUSES, LedgerStatus


class NewEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A job to accept.

    Args:
        job_id: its identity; accepting a known id again answers the entry that is there.
        job_type: the contract it belongs to.
        queue: the queue that will carry it.
        data: the payload as it goes over the wire; this and the ids in it must fit one document (16 MiB).
        options: what was chosen for this job.
        workspace_id: whose job it is; empty where it belongs to none.
        created_at: when it was asked for, aware.
        unique_key: what only one unfinished job may stand for; ``None`` for no such rule.
        request_hash: the fingerprint of the request, kept to recognise an idempotency key that is used for another one.
        trace: the trace that it belongs to, as W3C's headers; empty where none is made.
    """

    job_id: str
    job_type: str
    queue: str
    data: Mapping[str, Any]
    created_at: datetime
    options: JobOptions = JobOptions()
    workspace_id: str = ""
    unique_key: str | None = None
    request_hash: str | None = None
    trace: Mapping[str, str] = {}


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, gc=False):
    """What the ledger holds of a job, except for its payload, which may be large and is read apart."""

    job_id: str
    job_type: str
    queue: str
    status: LedgerStatus
    created_at: datetime
    options: JobOptions = JobOptions()
    workspace_id: str = ""
    unique_key: str | None = None
    request_hash: str | None = None
    trace: Mapping[str, str] = {}
    finished_at: datetime | None = None
    result: Any = None
    error: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether the job is still owed."""
        return self.status in OPEN_LEDGER_STATUSES


class OpenJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that is still owed, and the queue that carries it."""

    job_id: str
    queue: str


class Accepted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What accepting a job did.

    Args:
        entry: the entry that now stands for the request: the new one, or the one that was there.
        created: whether it is new; false where the id, or the unique key of an unfinished job, was known.
    """

    entry: LedgerEntry
    created: bool


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a job ended.

    Args:
        job_id: which job.
        status: ``completed``, ``failed`` or ``cancelled``.
        finished_at: when, aware.
        result: what a completed job answered: JSON-able and small.
        error: why a failed one failed, for a person.
    """

    job_id: str
    status: LedgerStatus
    finished_at: datetime
    result: Any = None
    error: str | None = None


class Reopening(StrEnum):
    """What became of the wish to owe a failed job again."""

    OPEN = "open"
    """It is owed: by this call, or it was before."""
    HELD = "held"
    """Another unfinished job holds its unique key."""
    REFUSED = "refused"
    """It completed, or was cancelled."""
    UNKNOWN = "unknown"
    """The ledger does not hold it: another job made it."""
