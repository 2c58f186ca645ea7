"""Where jobs run: plain functions in threads, coroutine functions on an event loop."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, Protocol

from dramatiq.middleware import Interrupt, SkipMessage
from dramatiq.middleware.time_limit import TimeLimitExceeded
from dramatiq.threading import raise_thread_exception

from libs.common.broker.actors import JobBroker
from libs.common.broker.held_job import HeldJob
from libs.common.broker.outcome import Stopped
from libs.common.logging import get_logger

log = get_logger(__name__)

Done = Callable[[HeldJob], None]
"""Told of each job whose outcome is decided; called in the thread that ran it."""

_interrupt: Callable[[int, type[Interrupt]], None] = raise_thread_exception

_PREFETCHED_WORK_S = 0.02
_MOST_PREFETCHED = 1_000
_LONGEST_WAIT_S = 0.1
_DEFAULT_TIME_LIMIT = timedelta(minutes=10)


class Executor(Protocol):
    """Runs jobs."""

    def room(self) -> int:
        """How many more jobs it may be given now."""
        ...

    def start(self, jobs: Sequence[HeldJob]) -> None:
        """Runs these jobs as soon as it can."""
        ...

    def stop_job(self, job: HeldJob) -> None:
        """Interrupts a running job: a coroutine at its next await; a function at its next bytecode, but not where a
        person cancelled it: a function is asked to stop, and looks when it suits it."""
        ...

    def unstarted(self, *, waited_s: float) -> list[HeldJob]:
        """Takes away the jobs that have not begun, if the first of them has waited so long; they are handed back."""
        ...

    def enforce_time_limits(self) -> None:
        """Interrupts functions that have run too long."""
        ...

    def close(self) -> None:
        """Ends its threads; jobs still running are abandoned."""
        ...


class LoopExecutor:
    """Runs coroutine functions as tasks on one event loop.

    Args:
        broker: knows the actors, and the middleware around each run.
        loop: a running event loop of another thread.
        concurrency: jobs at once.
        done: told of each finished job.
    """

    def __init__(self, broker: JobBroker, loop: asyncio.AbstractEventLoop, *, concurrency: int, done: Done) -> None:
        self._broker = broker
        self._loop = loop
        self._concurrency = concurrency
        self._done = done
        self._running = 0
        self._tasks: dict[bytes, asyncio.Task[None]] = {}
        self._count = threading.Lock()

    def room(self) -> int:
        """How many more jobs it may be given now."""
        return self._concurrency - self._running

    def start(self, jobs: Sequence[HeldJob]) -> None:
        """Runs these jobs at once."""
        with self._count:
            self._running += len(jobs)
        self._loop.call_soon_threadsafe(self._spawn, jobs)

    def stop_job(self, job: HeldJob) -> None:
        """Cancels the job's task."""
        self._loop.call_soon_threadsafe(self._cancel, job)

    def unstarted(self, *, waited_s: float) -> list[HeldJob]:  # noqa: ARG002 - every job given to a loop has begun
        """None: a job given to a loop has begun."""
        return []

    def enforce_time_limits(self) -> None:
        """Nothing to do: each task has its own timer."""

    def close(self) -> None:
        """Nothing to do: the loop belongs to the worker."""

    def _spawn(self, jobs: Sequence[HeldJob]) -> None:
        for job in jobs:
            self._tasks[job.fence] = self._loop.create_task(self._run(job), name=job.job_id)

    def _cancel(self, job: HeldJob) -> None:
        if task := self._tasks.get(job.fence):
            task.cancel()

    async def _run(self, job: HeldJob) -> None:
        broker = self._broker
        try:
            broker.emit_before("process_message", job)
            result = await self._call(job)
            broker.emit_after("process_message", job, result=result)
        except SkipMessage:
            broker.emit_after("skip_message", job)
        except asyncio.CancelledError as error:
            broker.emit_after("process_message", job, exception=job.reason_to_stop() or error)
        except Exception as error:  # noqa: BLE001 - whatever an actor raises decides its job's outcome
            broker.emit_after("process_message", job, exception=job.reason_to_stop() or error)
        finally:
            self._tasks.pop(job.fence, None)
            with self._count:
                self._running -= 1
            self._done(job)

    async def _call(self, job: HeldJob) -> Any:
        limit_s = _time_limit_s(self._broker, job)
        actor = self._broker.job_actors.get(job.actor_name)
        try:
            async with asyncio.timeout(limit_s) as scope:
                if actor:
                    return await actor.run_async(job)
                return await coroutine_function(self._broker, job.actor_name)(*job.args, **job.kwargs)
        except TimeoutError as error:
            if scope.expired():
                raise _time_limit_error(limit_s) from error
            raise


class _Slot(threading.Thread):
    """One thread of a :class:`ThreadExecutor`."""

    def __init__(self, executor: "ThreadExecutor", number: int) -> None:
        super().__init__(name=f"job-{number}", daemon=True)
        self._executor = executor
        self.job: HeldJob | None = None
        self.deadline = 0.0

    def run(self) -> None:
        """Runs jobs until there are none, then waits to be woken."""
        executor = self._executor
        while executor.wait_for_work():
            while True:
                try:
                    job = executor.ready.popleft()
                except IndexError:
                    break
                try:
                    executor.run_one(self, job)
                except Interrupt:
                    # The interrupt arrived as its job ended.
                    log.info("interrupt.too_late", job_id=job.job_id)


class ThreadExecutor:
    """Runs plain functions in threads.

    It may be given more jobs than it has threads, as many as it finishes in a few milliseconds, so that short jobs do
    not wait for round trips. Jobs that did not begin soon are taken away again, so that none waits behind a slow one.

    Args:
        broker: knows the actors, and the middleware around each run.
        threads: jobs at once.
        done: told of each finished job.
    """

    def __init__(self, broker: JobBroker, *, threads: int, done: Done) -> None:
        self._broker = broker
        self._done = done
        self.ready: deque[HeldJob] = deque()
        self._given = 0
        self._finished = 0
        self._run_s = 1.0
        self._begun_or_given = time.monotonic()
        self._work = threading.Semaphore(0)
        self._idle = 0
        self._closing = False
        self._slots = [_Slot(self, number) for number in range(threads)]
        for slot in self._slots:
            slot.start()

    def room(self) -> int:
        """How many more jobs it may be given now."""
        unfinished = self._given - self._finished
        if unfinished >= len(self._slots) and time.monotonic() - self._begun_or_given > 2 * _PREFETCHED_WORK_S:
            # Every thread is at a job that takes its time; what came now would wait behind it.
            return 0
        prefetch = min(_MOST_PREFETCHED, int(_PREFETCHED_WORK_S / max(self._run_s, 1e-6)))
        return len(self._slots) + prefetch - unfinished

    def start(self, jobs: Sequence[HeldJob]) -> None:
        """Runs these jobs as threads become free; wakes no more threads than short jobs need."""
        if not self.ready:
            self._begun_or_given = time.monotonic()
        self._given += len(jobs)
        self.ready.extend(jobs)
        self._wake(max(1, int(len(jobs) * self._run_s / 0.002)))

    def stop_job(self, job: HeldJob) -> None:
        """Raises :class:`Stopped` in the thread that runs the job, unless it only was asked to stop."""
        if not (job.lease_lost or job.handing_back):
            return
        for slot in self._slots:
            if slot.job is job and slot.ident is not None:
                _interrupt(slot.ident, Stopped)

    def unstarted(self, *, waited_s: float = _LONGEST_WAIT_S) -> list[HeldJob]:
        """Takes away the jobs that have not begun, if none has begun for so long."""
        taken: list[HeldJob] = []
        if self.ready and time.monotonic() - self._begun_or_given >= waited_s:
            while self.ready:
                try:
                    taken.append(self.ready.popleft())
                except IndexError:
                    break
            self._given -= len(taken)
        elif self.ready:
            self._wake(1)
        return taken

    def enforce_time_limits(self) -> None:
        """Interrupts functions that have run too long."""
        now = time.monotonic()
        for slot in self._slots:
            if slot.job and now >= slot.deadline and slot.ident is not None:
                slot.deadline = now + _DEFAULT_TIME_LIMIT.total_seconds()
                _interrupt(slot.ident, TimeLimitExceeded)

    def close(self) -> None:
        """Ends the threads that are idle, and the others when their function returns."""
        self._closing = True
        self._work.release(len(self._slots))

    def wait_for_work(self) -> bool:
        """Blocks a thread until there is work; false when the executor closes."""
        self._idle += 1
        self._work.acquire()
        return not self._closing

    def run_one(self, slot: _Slot, job: HeldJob) -> None:
        """Runs one job in a thread."""
        broker = self._broker
        begun = self._begun_or_given = time.monotonic()
        slot.deadline = begun + _time_limit_s(broker, job)
        slot.job = job
        try:
            broker.emit_before("process_message", job)
            actor = broker.job_actors.get(job.actor_name)
            result = actor.run(job) if actor else broker.get_actor(job.actor_name)(*job.args, **job.kwargs)
            slot.job = None
            broker.emit_after("process_message", job, result=result)
        except SkipMessage:
            broker.emit_after("skip_message", job)
        except BaseException as error:  # noqa: BLE001 - whatever an actor raises decides its job's outcome
            slot.job = None
            broker.emit_after("process_message", job, exception=job.reason_to_stop() or error)
        finally:
            slot.job = None
            self._run_s += (time.monotonic() - begun - self._run_s) * 0.1
            self._finished += 1
            self._done(job)

    def _wake(self, wanted: int) -> None:
        wake = min(wanted, self._idle)
        if wake > 0:
            self._idle -= wake
            self._work.release(wake)


class BothExecutors:
    """For a queue with coroutine functions and plain ones.

    Args:
        loop: runs the coroutine functions.
        threads: runs the plain ones.
        is_async: tells which a job type is.
    """

    def __init__(self, loop: LoopExecutor, threads: ThreadExecutor, *, is_async: Callable[[str], bool]) -> None:
        self._loop = loop
        self._threads = threads
        self._is_async = is_async

    def room(self) -> int:
        """How many more jobs fit, whichever kind they are."""
        return min(self._loop.room(), self._threads.room())

    def start(self, jobs: Sequence[HeldJob]) -> None:
        """Runs each where it belongs."""
        self._loop.start([job for job in jobs if self._is_async(job.actor_name)])
        self._threads.start([job for job in jobs if not self._is_async(job.actor_name)])

    def stop_job(self, job: HeldJob) -> None:
        """Interrupts it where it runs."""
        (self._loop if self._is_async(job.actor_name) else self._threads).stop_job(job)

    def unstarted(self, *, waited_s: float) -> list[HeldJob]:
        """Takes away the functions that have not begun."""
        return self._threads.unstarted(waited_s=waited_s)

    def enforce_time_limits(self) -> None:
        """Interrupts functions that have run too long."""
        self._threads.enforce_time_limits()

    def close(self) -> None:
        """Ends the threads."""
        self._threads.close()


def runs_on_loop(broker: JobBroker, actor_name: str) -> bool:
    """Whether an actor is a coroutine function."""
    actor = broker.job_actors.get(actor_name)
    return actor.is_async if actor else coroutine_function(broker, actor_name) is not None


def coroutine_function(broker: JobBroker, actor_name: str) -> Any:
    """The coroutine function behind an actor of Dramatiq's own kind, where Dramatiq wrapped one."""
    wrapped = getattr(broker.get_actor(actor_name).fn, "__wrapped__", None)
    return wrapped if asyncio.iscoroutinefunction(wrapped) else None


def executor_for(
    broker: JobBroker,
    queue_name: str,
    loop: asyncio.AbstractEventLoop,
    *,
    concurrency: int,
    threads: int,
    done: Done,
) -> Executor:
    """The executor that suits the actors of a queue."""
    names: Iterable[str] = [name for name, actor in broker.actors.items() if actor.queue_name == queue_name]
    kinds = {runs_on_loop(broker, name) for name in names}
    if kinds == {True}:
        return LoopExecutor(broker, loop, concurrency=concurrency, done=done)
    on_threads = ThreadExecutor(broker, threads=threads, done=done)
    if kinds == {True, False}:
        on_loop = LoopExecutor(broker, loop, concurrency=concurrency, done=done)
        return BothExecutors(on_loop, on_threads, is_async=lambda name: runs_on_loop(broker, name))
    return on_threads


def _time_limit_s(broker: JobBroker, job: HeldJob) -> float:
    limit_ms = job.options.get("time_limit")
    if limit_ms is None and (actor := broker.actors.get(job.actor_name)):
        limit_ms = actor.options.get("time_limit")
    return float(limit_ms) / 1000 if limit_ms else _DEFAULT_TIME_LIMIT.total_seconds()


def _time_limit_error(limit_s: float) -> Exception:
    return TimeoutError(f"the run exceeded its time limit of {limit_s:g} s")
