"""From a contract and its payload to a job for the queue."""

from typing import TypeVar

from libs.common.broker.model import JobOptions, NewJob
from libs.common.jobs.contract import JobContract, Payload
from libs.common.tracing.switch import carried

P = TypeVar("P", bound=Payload)


def job_from(
    contract: JobContract[P],
    payload: P,
    *,
    job_id: str,
    options: JobOptions | None = None,
    in_ledger: bool = False,
) -> NewJob:
    """The job that does ``payload``, with the contract's defaults where ``options`` chooses nothing.

    Args:
        contract: the job type.
        payload: what to do.
        job_id: the job's identity; adding the same id twice adds one job.
        options: what the caller chose.
        in_ledger: whether the ledger holds this job and must learn its end.
    """
    chosen = options or JobOptions()
    return NewJob(
        job_id=job_id,
        job_type=contract.job_type,
        data={} if contract.data_in_ledger and in_ledger else contract.dump(payload),
        group=contract.group_of(payload),
        options=chosen,
        max_attempts=chosen.max_attempts or contract.max_attempts,
        unique_key=contract.unique_key_of(payload),
        in_ledger=in_ledger,
        data_in_ledger=contract.data_in_ledger and in_ledger,
        keep_count=contract.retention.count,
        keep_ms=int(contract.retention.age.total_seconds() * 1000) if contract.retention.count else 0,
        message_options=carried(),
    )
