"""From a ledger entry back to a job for the queue: the same id, the same choices, what is left of its delay."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from libs.common.broker.model import JobOptions, NewJob
from libs.common.jobs.registry import AnyContract
from libs.common.ledger.model import LedgerEntry


def job_again(contract: AnyContract, entry: LedgerEntry, data: Mapping[str, Any], *, now: datetime) -> NewJob:
    """The job that was accepted, as :func:`libs.common.broker.enqueue.job_from` made it the first time.

    Workspace and unique key come from the entry, so that a large payload need not be read for them.

    Args:
        contract: the entry's job type.
        entry: what the ledger holds.
        data: the payload as it goes over the wire; not used where the worker reads it from the ledger.
        now: the current moment; a delay counts from the job's acceptance.
    """
    options = msgspec.structs.replace(entry.options, delay_ms=_delay_left_ms(entry, now))
    return NewJob(
        job_id=entry.job_id,
        job_type=entry.job_type,
        data={} if contract.data_in_ledger else data,
        group=entry.workspace_id,
        options=options,
        max_attempts=_max_attempts(contract, options),
        unique_key=entry.unique_key,
        in_ledger=True,
        data_in_ledger=contract.data_in_ledger,
        keep_count=contract.retention.count,
        keep_ms=_keep_ms(contract),
        message_options=entry.trace,
    )


def _delay_left_ms(entry: LedgerEntry, now: datetime) -> int:
    waited_ms = (now - entry.created_at) // timedelta(milliseconds=1)
    return max(0, entry.options.delay_ms - max(0, waited_ms))


def _max_attempts(contract: AnyContract, options: JobOptions) -> int:
    return options.max_attempts or contract.max_attempts


def _keep_ms(contract: AnyContract) -> int:
    return contract.retention.age // timedelta(milliseconds=1) if contract.retention.count else 0
