"""Runs one queue: takes jobs while there is room, settles those that have ended, rests when there is nothing to do."""

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from libs.common.broker.broker import TucoBroker
from libs.common.broker.fetcher import Fetcher
from libs.common.broker.held_job import Fetched, HeldJob
from libs.common.broker.leases import LeaseKeeper
from libs.common.broker.outcome import Dead, HandedBack
from libs.common.broker.wake import WakeListener
from libs.common.errors import StoreUnavailable
from libs.common.logging import get_logger
from libs.common.worker.executor import Done, Executor

log = get_logger(__name__)

_LONGEST_REST_S = 0.5
_MOST_PER_FETCH = 500
_FIRST_PAUSE_WHEN_AWAY_S = 0.1
_LONGEST_PAUSE_WHEN_AWAY_S = 2.0
_UNSTARTED_AFTER_S = 0.1

MakeExecutor = Callable[[Done], Executor]
"""Makes the executor, given who is to be told of each finished job."""


class QueueRunner(threading.Thread):
    """The thread that talks to Redis for one queue, turn by turn.

    Where it rests and a job comes, the listener's thread makes the turn itself: a job starts sooner by the time that
    waking another thread takes.

    Args:
        broker: the broker.
        queue_name: the queue.
        make_executor: makes what runs the jobs.
    """

    def __init__(self, broker: TucoBroker, queue_name: str, make_executor: MakeExecutor) -> None:
        super().__init__(name=f"queue-{queue_name}", daemon=True)
        self._broker = broker
        self._queue = broker.queue(queue_name)
        self._settler = broker.settler(queue_name)
        self._done: deque[HeldJob] = deque()
        self._unsettled: list[HeldJob] = []
        self._attention = threading.Event()
        self._draining = threading.Event()
        self._stopped = threading.Event()
        self._executor = make_executor(self._job_done)
        self._keeper = LeaseKeeper(self._queue.scripts, lease_ms=broker.lease_ms, on_stop=self._executor.stop_job)
        self._fetcher = Fetcher(self._queue.scripts, self._keeper, worker=broker.worker, lease_ms=broker.lease_ms)
        self._listener = WakeListener(self._queue.scripts, self._job_came)
        self._turning = threading.Lock()
        self._next_turn = self._rest_ends = 0.0
        self._away_since: float | None = None
        self._pause_s = _FIRST_PAUSE_WHEN_AWAY_S
        self._alone = False

    @property
    def held(self) -> int:
        """How many jobs this worker holds."""
        return len(self._keeper)

    @property
    def redis_is_reachable(self) -> bool:
        """Whether the last call to Redis was answered."""
        return self._away_since is None

    @property
    def works(self) -> bool:
        """Whether its threads live: this one, and the one that is woken by jobs."""
        return self.is_alive() and (self._listener.is_alive() or self._listener.ident is None)

    def run(self) -> None:
        """The thread's loop."""
        self._keeper.start()
        self._listener.start()
        while not self._stopped.is_set():
            self._attention.clear()
            self._make_turn()
            self._rest()
        self._listener.stop()
        self._keeper.stop()

    def drain(self) -> None:
        """Takes no more jobs and hands back those that have not begun; running ones go on."""
        self._draining.set()
        self._listener.pause()
        self._attention.set()

    def interrupt(self) -> None:
        """Stops the running jobs, to be handed back."""
        for job in self._keeper.held():
            job.handing_back = True
            self._executor.stop_job(job)

    def hand_back_everything(self) -> None:
        """Returns every job still held, running or not; their functions no longer count."""
        with self._turning:
            held = [job for job in self._keeper.held() if job.outcome is None]
            for job in held:
                job.outcome = HandedBack()
            self._unsettled += held
            try:
                self._settle_finished()
            except StoreUnavailable as error:
                log.warning("jobs.not_handed_back", held=len(held), reason=error.reason)

    def stop(self) -> None:
        """Ends the thread; call :meth:`drain` first."""
        self._stopped.set()
        self._attention.set()
        self._executor.close()

    def _job_done(self, job: HeldJob) -> None:
        self._done.append(job)
        if not self._attention.is_set():
            self._attention.set()

    def _job_came(self) -> None:
        if self._stopped.is_set():
            self._leave_the_job_to_others()
            return
        self._make_turn()
        if self._next_turn < self._rest_ends:
            self._attention.set()

    def _leave_the_job_to_others(self) -> None:
        """Lets Redis wake another worker: the marker that this one took was for whoever has room."""
        with self._turning, suppress(StoreUnavailable):
            self._fetcher.fetch(0)

    def _rest(self) -> None:
        if self._away_since is not None:
            self._stopped.wait(self._pause_s)
            return
        while True:
            # First told, then looked at again: a turn made meanwhile is either seen here or sees how long this rest is.
            ends = self._rest_ends = self._next_turn
            rest_s = min(ends, self._next_turn) - time.monotonic()
            if rest_s <= 0 or self._attention.wait(rest_s):
                return

    def _make_turn(self) -> None:
        with self._turning:
            if self._stopped.is_set():
                return
            try:
                rest_s = self._turn()
            except StoreUnavailable as error:
                self._went_away(error)
                return
            self._came_back()
            self._next_turn = time.monotonic() + rest_s

    def _turn(self) -> float:
        """One turn; answers how many seconds there is nothing to do, as far as can be told."""
        self._settle_finished()
        look_again_s = self._executor.look_after()
        room = self._room()
        fetched = self._fetcher.fetch(room)
        self._alone = (self._alone and room == 0) or fetched.alone
        self._take(fetched)
        if room and len(fetched.jobs) == room and self._room() > 0:
            return 0.0
        if room and len(fetched.jobs) < room and not self._alone:
            self._listener.listen()
        until_due_s = max(0.001, (fetched.due_ms - fetched.now_ms) / 1000)
        return min(until_due_s, look_again_s, _LONGEST_REST_S)

    def _room(self) -> int:
        if self._draining.is_set() or (self._alone and self.held):
            return 0
        return max(0, min(self._executor.room(), _MOST_PER_FETCH))

    def _take(self, fetched: Fetched) -> None:
        self._keeper.cancel(fetched.cancelled)
        runnable = []
        for job in fetched.jobs:
            self._keeper.hold(job)
            if job.actor_name in self._broker.actors:
                runnable.append(job)
            else:
                job.outcome = Dead(f"this worker has no actor named {job.actor_name!r}")
                self._job_done(job)
        if runnable:
            self._executor.start(runnable)
        if fetched.undecodable:
            self._settler.bury_undecodable(fetched.undecodable)

    def _settle_finished(self) -> None:
        waited_s = 0.0 if self._draining.is_set() else _UNSTARTED_AFTER_S
        for job in self._executor.unstarted(waited_s=waited_s):
            job.outcome = HandedBack()
            self._unsettled.append(job)
        while self._done:
            self._unsettled.append(self._done.popleft())
        if self._unsettled:
            self._settle(self._unsettled)

    def _settle(self, jobs: list[HeldJob]) -> None:
        for job_id in self._settler.settle(jobs):
            log.warning("job.late_acknowledgement_refused", job_id=job_id, queue=self._queue.name)
        for job in jobs:
            self._keeper.release(job)
        self._unsettled = []

    def _went_away(self, error: StoreUnavailable) -> None:
        if self._away_since is not None:
            self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_WHEN_AWAY_S)
        else:
            self._away_since = time.monotonic()
            self._pause_s = _FIRST_PAUSE_WHEN_AWAY_S
            log.warning("store.lost", store=error.store, reason=error.reason, queue=self._queue.name)

    def _came_back(self) -> None:
        if self._away_since is not None:
            away_s = round(time.monotonic() - self._away_since, 1)
            self._away_since = None
            log.info("store.regained", queue=self._queue.name, away_s=away_s)
