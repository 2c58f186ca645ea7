"""Which executor a queue needs: coroutine functions run on the event loop, plain ones in threads."""

import asyncio
from collections.abc import Sequence

from libs.common.broker.actors import JobBroker
from libs.common.broker.held_job import HeldJob
from libs.common.worker.executor import Done, Executor
from libs.common.worker.loop_executor import LoopExecutor
from libs.common.worker.plan import Plans
from libs.common.worker.thread_executor import ThreadExecutor


def executor_for(
    broker: JobBroker,
    queue_name: str,
    loop: asyncio.AbstractEventLoop,
    *,
    concurrency: int,
    threads: int,
    done: Done,
) -> Executor:
    """The executor that suits the actors of a queue.

    Args:
        broker: knows the actors, and the middleware around each run.
        queue_name: the queue.
        loop: where coroutine functions run.
        concurrency: coroutine functions at once.
        threads: plain functions at once.
        done: told of each finished job.
    """
    plans = Plans(broker)
    kinds = {plans[name].is_async for name, actor in broker.actors.items() if actor.queue_name == queue_name}
    if kinds == {True}:
        return LoopExecutor(broker, plans, loop, concurrency=concurrency, done=done)
    on_threads = ThreadExecutor(broker, plans, threads=threads, done=done)
    if kinds == {True, False}:
        return BothExecutors(LoopExecutor(broker, plans, loop, concurrency=concurrency, done=done), on_threads, plans)
    return on_threads


class BothExecutors:
    """For a queue with coroutine functions and plain ones.

    Args:
        loop: runs the coroutine functions.
        threads: runs the plain ones.
        plans: tell which an actor is.
    """

    def __init__(self, loop: LoopExecutor, threads: ThreadExecutor, plans: Plans) -> None:
        self._loop = loop
        self._threads = threads
        self._plans = plans

    def room(self) -> int:
        """How many more jobs fit, whichever kind they are."""
        return min(self._loop.room(), self._threads.room())

    def start(self, jobs: Sequence[HeldJob]) -> None:
        """Runs each where it belongs."""
        for executor in (self._loop, self._threads):
            if own := [job for job in jobs if self._executor_of(job) is executor]:
                executor.start(own)

    def stop_job(self, job: HeldJob) -> None:
        """Interrupts it where it runs."""
        self._executor_of(job).stop_job(job)

    def unstarted(self, *, waited_s: float) -> list[HeldJob]:
        """Takes away the functions that have not begun."""
        return self._threads.unstarted(waited_s=waited_s)

    def look_after(self) -> float:
        """Interrupts functions that have run too long, and wakes threads for those that wait."""
        return self._threads.look_after()

    def close(self) -> None:
        """Ends the threads."""
        self._threads.close()

    def _executor_of(self, job: HeldJob) -> Executor:
        return self._loop if self._plans[job.actor_name].is_async else self._threads
