"""From a contract and its payload to the entry that the ledger accepts, beside the job that goes to the queue."""

from datetime import datetime
from typing import TypeVar

from libs.common.broker.enqueue import job_from
from libs.common.broker.model import JobOptions, NewJob
from libs.common.jobs.contract import JobContract, Payload
from libs.common.ledger.model import NewEntry
from libs.common.tracing.switch import carried

P = TypeVar("P", bound=Payload)


def entry_from(
    contract: JobContract[P],
    payload: P,
    *,
    job_id: str,
    created_at: datetime,
    options: JobOptions | None = None,
    request_hash: str | None = None,
) -> NewEntry:
    """The entry of a job; what is made of it again equals what :func:`libs.common.broker.enqueue.job_from` makes.

    Args:
        contract: the job type.
        payload: what to do.
        job_id: the job's identity; accepting a known id again answers the entry that is there.
        created_at: when it was asked for, aware.
        options: what the caller chose.
        request_hash: the fingerprint of the request, where there was one.
    """
    job = job_from(contract, payload, job_id=job_id, options=options, in_ledger=True)
    return entry_of(job, contract, payload, created_at=created_at, request_hash=request_hash)


def entry_of(
    job: NewJob, contract: JobContract[P], payload: P, *, created_at: datetime, request_hash: str | None = None
) -> NewEntry:
    """The entry of a job that :func:`libs.common.broker.enqueue.job_from` has made.

    Args:
        job: for the queue.
        contract: its type.
        payload: what to do.
        created_at: when it was asked for, aware.
        request_hash: the fingerprint of the request, where there was one.
    """
    return NewEntry(
        job_id=job.job_id,
        job_type=job.job_type,
        queue=contract.queue,
        data=contract.dump(payload) if job.data_in_ledger else job.data,
        options=job.options,
        workspace_id=job.group,
        created_at=created_at,
        unique_key=job.unique_key,
        request_hash=request_hash,
        trace=carried(),
    )
