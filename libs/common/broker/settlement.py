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
from libs.common.broker.record import is_plain
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
        self._record([job for job in jobs if "in_ledger" in job.options])
        ends = _Ends(jobs)
        calls: list[tuple[str, Sequence[Argument]]] = []
        owners: list[list[HeldJob]] = []
        for name, words, ended in (
            ("complete", _lease_words, ends.plain),
            ("complete_ruled", _completion_words, ends.ruled),
            ("hand_back", _lease_words, ends.handed_back[::-1]),
        ):
            for start in range(0, len(ended), _BATCH):
                batch = ended[start : start + _BATCH]
                calls.append((name, words(batch)))
                owners.append(batch)
        for job in ends.others:
            calls.append(self._single(job))
            owners.append([job])
        lost = [job.job_id for job in ends.lost]
        for start in range(0, len(calls), _CALLS_PER_ROUND_TRIP):
            part = calls[start : start + _CALLS_PER_ROUND_TRIP]
            for (name, _), owner, answer in zip(part, owners[start:], self._scripts.run_many(part), strict=False):
                if name.startswith("complete"):
                    lost += [job_id.decode() for job_id in answer]
                elif answer == 0:
                    lost += [job.job_id for job in owner]
        observe_settled(self._scripts.keys.queue, jobs)
        if lost:
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
        ended = [job for job in jobs if _ending(job)]
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

    def _single(self, job: HeldJob) -> tuple[str, Sequence[Argument]]:
        match job.outcome:
            case RetryLater(delay, reason):
                delay_ms = int(delay.total_seconds() * 1000)
                return "retry", [job.job_id, job.fence, delay_ms, self._line(job, "failed", reason), reason[:500]]
            case Deferred(until, reason, came_further):
                return "defer", [job.job_id, job.fence, to_ms(until), reason[:500], int(came_further)]
            case WaitsForChildren():
                return "wait_for_children", [job.job_id, job.fence]
            case Cancelled():
                return "end_cancelled", [job.job_id, job.fence]
            case Dead(reason):
                return "dead_letter", [job.job_id, job.fence, self._line(job, "failed", reason), reason[:500]]
        raise TypeError(f"{job.outcome!r} is not an end of one job")

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


class _Ends:
    """Jobs by how they are settled."""

    def __init__(self, jobs: Sequence[HeldJob]) -> None:
        self.plain: list[HeldJob] = []
        self.ruled: list[HeldJob] = []
        self.handed_back: list[HeldJob] = []
        self.others: list[HeldJob] = []
        self.lost: list[HeldJob] = []
        for job in jobs:
            kind = type(job.outcome)
            if kind is Completed:
                (self.plain if is_plain(job.header_line) else self.ruled).append(job)
            elif kind is HandedBack:
                self.handed_back.append(job)
            elif kind is Lost:
                self.lost.append(job)
            else:
                self.others.append(job)


def _lease_words(jobs: Sequence[HeldJob]) -> list[Argument]:
    return [word for job in jobs for word in (job.job_id, job.fence)]


def _completion_words(jobs: Sequence[HeldJob]) -> list[Argument]:
    return [word for job in jobs for word in (job.job_id, job.fence, _completion(job))]


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
    """What ``complete_ruled.lua`` must know of a job beside its id and fence.

    Unique, parent and limits are the header's fields, as ``scripts/shared/record.lua`` describes them.
    """
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
