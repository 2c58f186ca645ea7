"""Tells Redis, and the ledger before it, how jobs ended: each end one atomic step, many in one round trip."""

import socket
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from libs.common.broker.held_job import HeldJob, Undecodable
from libs.common.broker.metrics import LATE, observe_settled
from libs.common.broker.model import Attempt
from libs.common.broker.outcome import (
    Cancelled,
    Completed,
    Dead,
    Deferred,
    HandedBack,
    Lost,
    RetryLater,
    WaitsForChildren,
)
from libs.common.broker.queue import encode_attempt
from libs.common.broker.transport import Argument, ScriptRunner
from libs.common.clock import from_ms, to_ms
from libs.common.jobs.states import LedgerStatus
from libs.common.ledger.model import Ending
from libs.common.logging import get_logger

log = get_logger(__name__)

_encode = msgspec.json.Encoder().encode
_BATCH = 500
_CALLS_PER_ROUND_TRIP = 50


class EndingRecorder(Protocol):
    """The ledger, as far as the worker needs it."""

    def finish_many(self, endings: Sequence[Ending]) -> int:
        """Stores how jobs ended; storing the same end twice changes nothing.

        Raises:
            StoreUnavailable: MongoDB is away; nothing may be acknowledged yet.
        """
        ...


class Settler:
    """Settles jobs of one queue.

    Args:
        scripts: runs scripts on the queue's keys.
        worker: this worker's name, for the attempts' history.
        lease_ms: how long a lease lasts.
        recorder: the ledger; ``None`` where no job is in a ledger.
    """

    def __init__(
        self, scripts: ScriptRunner, *, worker: str, lease_ms: int, recorder: EndingRecorder | None = None
    ) -> None:
        self._scripts = scripts
        self._worker = worker
        self._lease_ms = lease_ms
        self._recorder = recorder

    def settle(self, jobs: Sequence[HeldJob]) -> list[str]:
        """Settles jobs whose outcome is set; answers the ids whose lease was lost, whose outcome does not count.

        The ledger learns first: were it last, a crash between the two would leave an accepted job open for ever.

        Raises:
            StoreUnavailable: the ledger or Redis is away; calling again with the same jobs is safe.
        """
        self._record(jobs)
        calls: list[tuple[str, Sequence[Argument]]] = []
        owners: list[list[HeldJob]] = []
        completed = [job for job in jobs if isinstance(job.outcome, Completed)]
        for start in range(0, len(completed), _BATCH):
            batch = completed[start : start + _BATCH]
            details = [_completion(job) for job in batch]
            arguments: list[Argument] = []
            if any(details):
                for job, told in zip(batch, details, strict=True):
                    arguments += (job.job_id, job.fence, told)
                calls.append(("complete_ruled", arguments))
            else:
                for job in batch:
                    arguments += (job.job_id, job.fence)
                calls.append(("complete", arguments))
            owners.append(batch)
        back = [job for job in jobs if isinstance(job.outcome, HandedBack)]
        for start in range(0, len(back), _BATCH):
            batch = back[start : start + _BATCH][::-1]
            calls.append(("hand_back", [word for job in batch for word in (job.job_id, job.fence)]))
            owners.append(batch)
        for job in jobs:
            call = self._single(job)
            if call:
                calls.append(call)
                owners.append([job])
        lost = [job.job_id for job in jobs if isinstance(job.outcome, Lost)]
        for start in range(0, len(calls), _CALLS_PER_ROUND_TRIP):
            part = calls[start : start + _CALLS_PER_ROUND_TRIP]
            for (name, _), owner, answer in zip(part, owners[start:], self._scripts.run_many(part), strict=False):
                if name in ("complete", "complete_ruled"):
                    lost += [job_id.decode() for job_id in answer]
                elif answer == 0:
                    lost += [job.job_id for job in owner]
        observe_settled(self._scripts.keys.queue, jobs)
        LATE.labels(self._scripts.keys.queue).inc(len(lost))
        return lost

    def bury_undecodable(self, jobs: Sequence[Undecodable]) -> None:
        """Makes dead letters of records that are no messages.

        Raises:
            StoreUnavailable: Redis is away; their leases run out and they come again.
        """
        for job in jobs:
            log.error("job.undecodable", job_id=job.job_id, reason=job.reason)
            now = from_ms(0)
            line = encode_attempt(
                Attempt(
                    number=1,
                    outcome="undecodable",
                    error=job.reason,
                    worker=self._worker,
                    started_at=now,
                    duration_ms=0,
                )
            )
            self._scripts.run("dead_letter", job.job_id, job.fence, line, job.reason)

    def _record(self, jobs: Sequence[HeldJob]) -> None:
        """Tells the ledger, but not of a job whose lease is lost: its end is for the present holder to tell."""
        ended = [job for job in jobs if job.options.get("in_ledger") and _ending(job)]
        if not ended or self._recorder is None:
            return
        words: list[Argument] = [word for job in ended for word in (job.job_id, job.fence)]
        lost, _cancelled = self._scripts.run("renew", self._lease_ms, *words)
        for job in ended:
            if job.job_id.encode() in lost:
                job.outcome = Lost()
        endings = [ending for job in ended if (ending := _ending(job))]
        if endings:
            self._recorder.finish_many(endings)

    def _single(self, job: HeldJob) -> tuple[str, Sequence[Argument]] | None:
        match job.outcome:
            case RetryLater(delay, reason):
                delay_ms = int(delay.total_seconds() * 1000)
                return "retry", [job.job_id, job.fence, delay_ms, self._line(job, "failed", reason), reason[:500]]
            case Deferred(until, reason):
                return "defer", [job.job_id, job.fence, to_ms(until), reason[:500]]
            case Dead(reason):
                return "dead_letter", [job.job_id, job.fence, self._line(job, "failed", reason), reason[:500]]
            case WaitsForChildren():
                return "wait_for_children", [job.job_id, job.fence]
            case Cancelled():
                return "end_cancelled", [job.job_id, job.fence]
        return None

    def _line(self, job: HeldJob, outcome: str, error: str) -> bytes:
        return encode_attempt(
            Attempt(
                number=job.attempt,
                outcome=outcome,
                error=error,
                worker=self._worker,
                started_at=from_ms(job.started_ms),
                duration_ms=job.duration_ms,
            )
        )


def _completion(job: HeldJob) -> bytes:
    header = job.header
    result = job.outcome.result if isinstance(job.outcome, Completed) else None
    return completion_details(
        unique=header.unique,
        parent=header.parent,
        limits=header.limits,
        keep_count=header.keep_count,
        keep_ms=header.keep_ms,
        result=result,
        own_counts=job.own_counts,
        parent_counts=job.parent_counts,
    )


def completion_details(
    *,
    unique: str = "",
    parent: str = "",
    limits: str = "",
    keep_count: int = 0,
    keep_ms: int = 0,
    result: Any = None,
    own_counts: Mapping[str, int] | None = None,
    parent_counts: Mapping[str, int] | None = None,
) -> bytes:
    """What ``complete.lua`` must know of a job beside its id and fence; empty where that is nothing.

    Unique, parent and limits are the header's fields, as ``scripts/shared/record.lua`` describes them.
    """
    if not (keep_ms or unique or parent or limits):
        return b""
    details: dict[str, Any] = {}
    if unique:
        details["u"] = unique
    if limits:
        details["l"] = limits
    if parent:
        details["p"] = parent
        if parent_counts:
            details["m"] = parent_counts
    if own_counts:
        details["n"] = own_counts
    if keep_ms:
        details["c"] = keep_count
        details["a"] = keep_ms
        if result is not None:
            details["r"] = _encode(result).decode()
    return _encode(details)


def _ending(job: HeldJob) -> Ending | None:
    match job.outcome:
        case Completed(result):
            status, error = LedgerStatus.COMPLETED, None
        case Dead(reason):
            status, result, error = LedgerStatus.FAILED, None, reason
        case Cancelled():
            status, result, error = LedgerStatus.CANCELLED, None, None
        case _:
            return None
    finished_at = from_ms(job.started_ms + job.duration_ms)
    return Ending(job_id=job.job_id, status=status, finished_at=finished_at, result=result, error=error)


def worker_name(service: str, process_id: int) -> str:
    """A worker's name for people: the service, the machine, the process."""
    return f"{service}@{socket.gethostname()}:{process_id}"
