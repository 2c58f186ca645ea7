"""Killing a worker in the middle of a chunk, and watching what becomes of the chunk."""

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from redis import Redis

from libs.cli.supervisor import SupervisedProcess
from libs.common.broker.keys import QueueKeys
from libs.common.broker.queue import JobQueue

_LOOKS = 60
_APART_S = 0.03
_EARLIEST, _LATEST = 0.1, 0.6
"""The middle of a chunk, as the share of its handles that were asked about; not all emails ever are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A chunk job in a worker's hands.

    Args:
        job_id: the job.
        lead_ids: its leads.
    """

    job_id: str
    lead_ids: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """What was done to whom.

    Args:
        process: the killed process's name.
        pid: its process id.
        at: when, in seconds of the monotonic clock.
        chunks: what it held.
        leads: how many leads that is.
        asked: how many handles of theirs it had asked about.
    """

    process: str
    pid: int
    at: float
    chunks: Sequence[Chunk]
    leads: int
    asked: int


class Assassin:
    """Kills a worker, but only while it is in the middle of a chunk.

    To be sure of the moment it freezes the process (SIGSTOP), looks at what it holds and what the provider has seen of
    that, and then either kills it (SIGKILL) or lets it go on and looks again. Frozen, it can change nothing.

    Args:
        victim: the worker.
        redis: the installation's Redis.
        queue: the queue that the worker serves.
        handles_of: the handles of leads, by the leads' ids.
        asked: the handles that the provider has been asked about so far.
    """

    def __init__(
        self,
        victim: SupervisedProcess,
        redis: "Redis",
        queue: str,
        *,
        handles_of: Callable[[Sequence[str]], Sequence[str]],
        asked: Callable[[], Mapping[str, int]],
    ) -> None:
        self._victim = victim
        self._queue = JobQueue(redis, queue)
        self._leases = _Leases(redis, queue)
        self._handles_of = handles_of
        self._asked = asked

    def strike(self) -> Crash | None:
        """Kill the victim in the middle of a chunk; None where no such moment came."""
        for _ in range(_LOOKS):
            pid = self._victim.pid
            if pid is None:
                return None
            self._victim.pause()
            chunks = self._held_by(pid)
            handles = self._handles_of([lead for chunk in chunks for lead in chunk.lead_ids])
            known = self._asked()
            asked = sum(handle in known for handle in handles)
            if _EARLIEST < asked / max(1, len(handles)) < _LATEST:
                self._victim.send_signal(signal.SIGKILL)
                return Crash(
                    process=self._victim.name,
                    pid=pid,
                    at=time.monotonic(),
                    chunks=chunks,
                    leads=sum(len(chunk.lead_ids) for chunk in chunks),
                    asked=asked,
                )
            self._victim.resume()
            time.sleep(_APART_S)
        return None

    def taken_over(self, crash: Crash) -> bool:
        """Whether every chunk of a crash has been taken by another process, or is finished."""
        return not any(self._leases.holder_of(chunk.job_id).endswith(f":{crash.pid}") for chunk in crash.chunks)

    def _held_by(self, pid: int) -> list[Chunk]:
        views = [self._queue.get(job_id) for job_id in self._leases.held_by(pid)]
        chunks = [view for view in views if view and view.parent_id and "leadIds" in view.data]
        return [Chunk(job_id=view.job_id, lead_ids=list(view.data["leadIds"])) for view in chunks]


class _Leases:
    """Who holds what: a lease is ``fence:since:worker``, and a worker's name ends in its process id."""

    def __init__(self, redis: "Redis", queue: str) -> None:
        self._redis = redis
        self._key = QueueKeys(queue)["leases"]

    def held_by(self, pid: int) -> list[str]:
        leases = self._redis.hgetall(self._key)
        return [_text(job) for job, lease in leases.items() if _text(lease).endswith(f":{pid}")]

    def holder_of(self, job_id: str) -> str:
        return _text(self._redis.hget(self._key, job_id) or b"")


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()
