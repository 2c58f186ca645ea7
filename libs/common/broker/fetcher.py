"""Takes jobs from a queue for one worker, and gives back those that it was handed without ever learning of them.

``fetch`` must not be sent twice: the second answer would name other jobs, and nobody would know of the first ones until
their leases ended, each with a lost lease to its account although it never ran. So the client sends it once. When its
answer is lost, the worker first returns whatever it may have been given (``reclaim.lua``), then takes anew.
"""

from libs.common.broker.held_job import Fetched
from libs.common.broker.leases import LeaseKeeper
from libs.common.broker.transport import ScriptRunner


class Fetcher:
    """Used by one thread at a time.

    Args:
        scripts: runs scripts on the queue's keys.
        keeper: knows which jobs the worker holds.
        worker: this process's name.
        lease_ms: how long a lease lasts.
    """

    def __init__(self, scripts: ScriptRunner, keeper: LeaseKeeper, *, worker: str, lease_ms: int) -> None:
        self._scripts = scripts
        self._keeper = keeper
        self._worker = worker
        self._lease_ms = lease_ms
        self._answer_missing = False
        self._last_answer_ms = 0

    def fetch(self, room: int) -> Fetched:
        """Takes at most ``room`` jobs; with 0 it only learns what is due and what is cancelled.

        Raises:
            StoreUnavailable: no answer came; call again.
        """
        if self._answer_missing:
            held = [job.job_id for job in self._keeper.held()]
            self._scripts.run("reclaim", self._worker, self._lease_ms, self._last_answer_ms, *held)
        self._answer_missing = room > 0
        answer = self._scripts.run("fetch", room, self._worker, self._lease_ms, len(self._keeper))
        self._answer_missing = False
        fetched = Fetched(self._scripts.keys.queue, answer)
        self._last_answer_ms = fetched.now_ms
        return fetched
