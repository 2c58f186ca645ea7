"""A worker: the runners of its queues, an event loop for coroutine functions, and an orderly end.

Guarantees: a job is given to a worker only while it has room; jobs that wait behind a slow one are handed back; on
:meth:`Worker.stop` nothing new is taken, running jobs get the grace period, and what remains is handed back at once.
"""

import asyncio
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from libs.common.broker.broker import TucoBroker
from libs.common.broker.metrics import expect_jobs
from libs.common.logging import get_logger
from libs.common.worker.executor import Done, Executor
from libs.common.worker.executors import executor_for
from libs.common.worker.runner import QueueRunner

log = get_logger(__name__)

_TIME_TO_OBEY = timedelta(seconds=1)
_POLL_S = 0.01


class Worker:
    """Runs jobs of some queues in this process.

    Args:
        broker: the broker, with its actors declared.
        queues: the queues; all declared ones where none is named.
        concurrency: coroutine functions at once, per queue.
        threads: plain functions at once, per queue.
    """

    def __init__(
        self, broker: TucoBroker, *, queues: Sequence[str] = (), concurrency: int = 16, threads: int = 8
    ) -> None:
        self.broker = broker
        self.queues = tuple(queues) or tuple(sorted(broker.queues))
        self.loop = asyncio.new_event_loop()
        self._loop_thread = threading.Thread(target=self._run_loop, name="event-loop", daemon=True)
        self._concurrency = concurrency
        self._threads = threads
        self._runners: list[QueueRunner] = []

    @property
    def held(self) -> int:
        """How many jobs this worker holds."""
        return sum(runner.held for runner in self._runners)

    @property
    def ready(self) -> bool:
        """Whether Redis answers and every runner turns."""
        return bool(self._runners) and all(runner.redis_is_reachable for runner in self._runners) and self.alive

    @property
    def alive(self) -> bool:
        """Whether every thread of this worker lives; dependencies do not matter here."""
        return self._loop_thread.is_alive() and all(runner.works for runner in self._runners)

    def start(self) -> None:
        """Starts taking jobs."""
        self.broker.emit_before("worker_boot", self)
        self._loop_thread.start()
        for name in self.queues:
            expect_jobs(name, (actor.actor_name for actor in self.broker.actors.values() if actor.queue_name == name))
            self._runners.append(QueueRunner(self.broker, name, partial(self._executor, name)))
        for runner in self._runners:
            runner.start()
        self.broker.emit_after("worker_boot", self)

    def stop(self, *, grace: timedelta) -> None:
        """Ends: nothing new is taken, running jobs get ``grace``, what remains is handed back.

        Args:
            grace: how long running jobs may take to finish.
        """
        self.broker.emit_before("worker_shutdown", self)
        for runner in self._runners:
            runner.drain()
        if not self._wait_until_empty(grace):
            log.warning("worker.grace_ended", held=self.held)
            for runner in self._runners:
                runner.interrupt()
            self._wait_until_empty(_TIME_TO_OBEY)
        for runner in self._runners:
            runner.stop()
        for runner in self._runners:
            runner.join(timeout=5)
            runner.hand_back_everything()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._loop_thread.join(timeout=5)
        self.broker.emit_after("worker_shutdown", self)

    def _wait_until_empty(self, longest: timedelta) -> bool:
        deadline = time.monotonic() + longest.total_seconds()
        while self.held and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        return not self.held

    def _executor(self, queue_name: str, done: Done) -> Executor:
        return executor_for(
            self.broker,
            queue_name,
            self.loop,
            concurrency=self._concurrency,
            threads=self._threads,
            done=done,
        )

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
