"""Keeps a worker's leases alive, and learns which are lost and which jobs are to be cancelled."""

import threading
from collections.abc import Callable, Iterable

from libs.common.broker.held_job import HeldJob
from libs.common.broker.transport import Argument, ScriptRunner
from libs.common.errors import StoreUnavailable
from libs.common.logging import get_logger

log = get_logger(__name__)

_BATCH = 500
RENEWALS_PER_LEASE = 4


class LeaseKeeper(threading.Thread):
    """Renews the leases of all jobs that it is told to hold.

    Args:
        scripts: runs scripts on the queue's keys.
        lease_ms: how long a lease lasts; it is renewed four times as often.
        on_stop: called with a job that should stop: its ``lease_lost`` or ``cancel_requested`` is set.
    """

    def __init__(
        self, scripts: ScriptRunner, *, lease_ms: int, on_stop: Callable[[HeldJob], None] = lambda _job: None
    ) -> None:
        super().__init__(name="lease-keeper", daemon=True)
        self._scripts = scripts
        self._lease_ms = lease_ms
        self._on_stop = on_stop
        self._held: dict[str, HeldJob] = {}
        self._stopping = threading.Event()

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, job: HeldJob) -> None:
        """Renews this job's lease from now on."""
        self._held[job.job_id] = job

    def release(self, job: HeldJob) -> None:
        """Renews it no more."""
        if self._held.get(job.job_id) is job:
            del self._held[job.job_id]

    def held(self) -> list[HeldJob]:
        """The jobs held now."""
        return list(self._held.values())

    def cancel(self, job_ids: Iterable[str]) -> None:
        """Marks those of these jobs that are held here, and tells of each once."""
        for job_id in job_ids:
            job = self._held.get(job_id)
            if job and not job.cancel_requested:
                job.cancel_requested = True
                self._on_stop(job)

    def renew_once(self) -> None:
        """Renews all leases now.

        Raises:
            StoreUnavailable: Redis is away; leases go on running out on its clock.
        """
        jobs = self.held()
        for start in range(0, len(jobs), _BATCH):
            batch = jobs[start : start + _BATCH]
            words: list[Argument] = [word for job in batch for word in (job.job_id, job.fence)]
            lost, cancelled = self._scripts.run("renew", self._lease_ms, *words)
            self.cancel(job_id.decode() for job_id in cancelled)
            for job_id in lost:
                self._lose(job_id.decode(), batch)

    def run(self) -> None:
        """The thread's loop."""
        while not self._stopping.wait(self._lease_ms / 1000 / RENEWALS_PER_LEASE):
            if not self._held:
                continue
            try:
                self.renew_once()
            except StoreUnavailable as error:
                log.warning("leases.not_renewed", held=len(self._held), reason=error.reason)

    def stop(self) -> None:
        """Ends the thread."""
        self._stopping.set()

    def _lose(self, job_id: str, batch: list[HeldJob]) -> None:
        # A job that was settled while the renewal was under way has no lease either, and is not lost.
        job = next((job for job in batch if job.job_id == job_id), None)
        if job and self._held.get(job_id) is job and job.outcome is None and not job.lease_lost:
            job.lease_lost = True
            self._on_stop(job)
