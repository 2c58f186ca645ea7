"""Runs plain functions in threads."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from dramatiq.middleware import Interrupt, SkipMessage
from dramatiq.middleware.time_limit import TimeLimitExceeded
from dramatiq.threading import raise_thread_exception

from libs.common.broker.actors import JobBroker
from libs.common.broker.held_job import HeldJob
from libs.common.broker.outcome import Stopped
from libs.common.logging import get_logger
from libs.common.worker.executor import Done
from libs.common.worker.plan import Plans

log = get_logger(__name__)

_interrupt: Callable[[int, type[Interrupt]], None] = raise_thread_exception

_PREFETCHED_WORK_S = 0.02
_MOST_PREFETCHED = 1_000
_LOOK_WHILE_JOBS_WAIT_S = 0.005
_LOOK_WHILE_JOBS_RUN_S = 0.5
_NEVER_S = 3600.0


class ThreadExecutor:
    """Runs plain functions.

    It may be given more jobs than it has threads, as many as it finishes in a few milliseconds, so that short jobs do
    not wait for round trips. Jobs that did not begin soon are taken away again, so that none waits behind a slow one.
    Threads are woken one by one, and only while jobs wait: short jobs are done fastest by few threads.

    Args:
        broker: knows the middleware around each run.
        plans: how to run which actor.
        threads: jobs at once.
        done: told of each finished job.
    """

    def __init__(self, broker: JobBroker, plans: Plans, *, threads: int, done: Done) -> None:
        self.broker = broker
        self.plans = plans
        self.done = done
        self.ready: deque[HeldJob] = deque()
        self.work = threading.Semaphore(0)
        self.closing = False
        self._given = 0
        self._given_at = 0.0
        self._slots = [_Slot(self, number) for number in range(threads)]
        for slot in self._slots:
            slot.start()

    def room(self) -> int:
        """How many more jobs it may be given now."""
        slots = self._slots
        unfinished = self._given - sum(slot.finished for slot in slots)
        if unfinished >= len(slots) and self._nothing_began_for() > 2 * _PREFETCHED_WORK_S:
            # Every thread is at a job that takes its time; what came now would wait behind it.
            return 0
        typical_s = min(slot.typical_s for slot in slots)
        return len(slots) + min(_MOST_PREFETCHED, int(_PREFETCHED_WORK_S / typical_s)) - unfinished

    def start(self, jobs: Sequence[HeldJob]) -> None:
        """Runs these jobs as threads become free."""
        self._given += len(jobs)
        self.ready.extend(jobs)
        self._given_at = time.monotonic()
        self._wake_one()

    def stop_job(self, job: HeldJob) -> None:
        """Raises :class:`Stopped` in the thread that runs the job, unless it only was asked to stop."""
        if not (job.lease_lost or job.handing_back):
            return
        for slot in self._slots:
            if slot.job is job and slot.ident is not None:
                _interrupt(slot.ident, Stopped)

    def unstarted(self, *, waited_s: float) -> list[HeldJob]:
        """Takes away the jobs that have not begun, if none has begun for so long."""
        taken: list[HeldJob] = []
        if self.ready and self._nothing_began_for() >= waited_s:
            while self.ready:
                try:
                    taken.append(self.ready.popleft())
                except IndexError:
                    break
            self._given -= len(taken)
        return taken

    def look_after(self) -> float:
        """Interrupts functions that have run too long, and wakes another thread where jobs wait."""
        now = time.monotonic()
        running = False
        for slot in self._slots:
            if slot.job:
                running = True
                if now >= slot.deadline and slot.ident is not None:
                    slot.deadline = now + _NEVER_S
                    _interrupt(slot.ident, TimeLimitExceeded)
        if self.ready:
            self._wake_one()
            return _LOOK_WHILE_JOBS_WAIT_S
        return _LOOK_WHILE_JOBS_RUN_S if running else _NEVER_S

    def close(self) -> None:
        """Ends the threads that are idle, and the others when their function returns."""
        self.closing = True
        self.work.release(len(self._slots))

    def _nothing_began_for(self) -> float:
        return time.monotonic() - max(self._given_at, *(slot.begun for slot in self._slots))

    def _wake_one(self) -> None:
        for slot in self._slots:
            if slot.idle:
                slot.idle = False
                self.work.release()
                return


class _Slot(threading.Thread):
    """One thread of a :class:`ThreadExecutor`; only it writes its numbers."""

    def __init__(self, executor: ThreadExecutor, number: int) -> None:
        super().__init__(name=f"job-{number}", daemon=True)
        self._executor = executor
        self.idle = True
        self.job: HeldJob | None = None
        self.deadline = 0.0
        self.begun = 0.0
        self.finished = 0
        self.typical_s = 1.0

    def run(self) -> None:
        """Runs jobs until there are none, then waits to be woken."""
        executor = self._executor
        while True:
            self.idle = True
            executor.work.acquire()
            self.idle = False
            if executor.closing:
                return
            while True:
                try:
                    job = executor.ready.popleft()
                except IndexError:
                    break
                try:
                    self._run_one(job)
                except Interrupt:
                    # The interrupt arrived as its job ended.
                    log.info("interrupt.too_late", job_id=job.job_id)

    def _run_one(self, job: HeldJob) -> None:
        executor = self._executor
        broker = executor.broker
        plan = executor.plans[job.actor_name]
        begun = self.begun = time.monotonic()
        self.deadline = begun + plan.time_limit_of(job)
        self.job = job
        try:
            broker.emit_before("process_message", job)
            result = plan.call(job)
            self.job = None
            broker.emit_after("process_message", job, result=result)
        except SkipMessage:
            broker.emit_after("skip_message", job)
        except BaseException as error:  # noqa: BLE001 - whatever an actor raises decides its job's outcome
            self.job = None
            broker.emit_after("process_message", job, exception=job.reason_to_stop() or error)
        finally:
            self.job = None
            self._learn(time.monotonic() - begun)
            self.finished += 1
            executor.done(job)

    def _learn(self, took_s: float) -> None:
        """Follows the median of what runs take, so that a few that waited for the processor do not count for much."""
        if self.finished == 0:
            self.typical_s = max(1e-5, took_s)
        else:
            self.typical_s *= 1.05 if took_s > self.typical_s else 0.95
