"""The Dramatiq broker of Tuco Jobs.

Guarantees: every state change is one atomic script; a job is held by a lease on Redis's clock with a fencing number;
what is accepted is in exactly one state at any time. The smallest use::

    broker = TucoBroker(connect_redis(settings), worker="messaging@host:1")
    dramatiq.set_broker(broker)

It runs under Dramatiq's own worker (``dramatiq services.messaging``) and under ours (:mod:`libs.common.worker`), which
takes and acknowledges jobs in batches.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import dramatiq
from dramatiq.middleware import AsyncIO, CurrentMessage, Middleware, TimeLimit
from redis import Redis

from libs.common.broker.actors import JobActor, JobBroker, PayloadSource
from libs.common.broker.consumer import LeasedConsumer
from libs.common.broker.keys import PREFIX
from libs.common.broker.middleware.log_context import LogContext
from libs.common.broker.middleware.outcomes import Outcomes
from libs.common.broker.model import Added, JobOptions, NewJob
from libs.common.broker.queue import JobQueue
from libs.common.broker.settlement import EndingRecorder, Settler
from libs.common.errors import InvalidInput

DEFAULT_LEASE_MS = 15_000


def default_middleware() -> list[Middleware]:
    """What surrounds each run under either worker."""
    return [LogContext(), Outcomes()]


def with_dramatiq_worker(middleware: Sequence[Middleware]) -> list[Middleware]:
    """The middleware for Dramatiq's own worker, which needs an event loop, a time limit and the current message too."""
    return [AsyncIO(), TimeLimit(), CurrentMessage(), *middleware]


class TucoBroker(JobBroker):
    """A broker on Redis.

    Args:
        redis: a client that answers bytes.
        worker: this process's name, shown beside the jobs that it holds.
        middleware: what surrounds each run; the defaults where nothing is given.
        prefix: what all keys of this installation start with.
        lease_ms: how long this process may be silent before its jobs run elsewhere.
        recorder: the ledger, which learns how accepted jobs ended.
        payload_source: where payloads are that are too large for a queue.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        worker: str = "unnamed",
        middleware: Sequence[Middleware] | None = None,
        prefix: str = PREFIX,
        lease_ms: int = DEFAULT_LEASE_MS,
        recorder: EndingRecorder | None = None,
        payload_source: PayloadSource | None = None,
    ) -> None:
        super().__init__(middleware=list(middleware) if middleware is not None else default_middleware())
        self.redis = redis
        self.worker = worker
        self.lease_ms = lease_ms
        self.recorder = recorder
        self.job_actors: dict[str, JobActor] = {}
        self.payload_source = payload_source
        self._prefix = prefix
        self.queues: dict[str, JobQueue] = {}

    def queue(self, name: str) -> JobQueue:
        """A queue of this installation, declared here or not."""
        return self.queues.get(name) or JobQueue(self.redis, name, prefix=self._prefix)

    def settler(self, queue_name: str) -> Settler:
        """What tells Redis and the ledger how the queue's jobs ended."""
        scripts = self.queue(queue_name).scripts
        return Settler(scripts, worker=self.worker, lease_ms=self.lease_ms, recorder=self.recorder)

    def declare_queue(self, queue_name: str) -> None:
        """Declares a queue; doing it twice changes nothing."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = JobQueue(self.redis, queue_name, prefix=self._prefix)
            self.emit_after("declare_queue", queue_name)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 30_000) -> LeasedConsumer:
        """A consumer for Dramatiq's own worker.

        Args:
            queue_name: the queue.
            prefetch: how many jobs it may hold at once.
            timeout: milliseconds to wait for a job before answering that there is none.
        """
        return LeasedConsumer(
            self.queue(queue_name),
            self.settler(queue_name),
            worker=self.worker,
            lease_ms=self.lease_ms,
            prefetch=prefetch,
            timeout_ms=timeout,
        )

    def enqueue(self, message: dramatiq.Message[Any], *, delay: int | None = None) -> dramatiq.Message[Any]:
        """Adds one message.

        Args:
            message: the message; its options may hold ``group``, ``priority``, ``unique_key``, ``limit_keys``,
                ``max_attempts``, ``backoff_ms``.
            delay: milliseconds before it may start.

        Raises:
            PayloadTooLarge: it exceeds 64 KiB.
            QueueFull: Redis has no memory for more.
            StoreUnavailable: Redis is away.
        """
        self.emit_before("enqueue", message, delay or 0)
        self.queue(message.queue_name).add([job_of(message, delay_ms=delay or 0)])
        self.emit_after("enqueue", message, delay or 0)
        return message

    def enqueue_many(self, messages: Iterable[dramatiq.Message[Any]]) -> list[Added]:
        """Adds many messages, in as few round trips as there are queues and kinds; answers one by one.

        Raises:
            PayloadTooLarge: one exceeds 64 KiB; nothing of its queue was added.
            QueueFull: Redis has no memory for more.
            StoreUnavailable: Redis is away.
        """
        listed = list(messages)
        for message in listed:
            self.emit_before("enqueue", message, 0)
        answers: dict[str, Added] = {}
        for name in {message.queue_name for message in listed}:
            jobs = [job_of(message) for message in listed if message.queue_name == name]
            for job, added in zip(jobs, self.queue(name).add(jobs), strict=True):
                answers[job.job_id] = added
        for message in listed:
            self.emit_after("enqueue", message, 0)
        return [answers[message.message_id] for message in listed]

    def flush(self, queue_name: str) -> None:
        """Forgets everything of a queue. For tests and emergencies."""
        self.queue(queue_name).scripts.forget_everything()

    def flush_all(self) -> None:
        """Forgets everything of every declared queue."""
        for name in self.queues:
            self.flush(name)

    def close(self) -> None:
        """Closes the connections."""
        self.redis.close()


_OURS = frozenset({"group", "priority", "unique_key", "keep_ms", "keep_count", "limit_keys"})


def job_of(message: dramatiq.Message[Any], *, delay_ms: int = 0) -> NewJob:
    """A Dramatiq message as a job.

    Raises:
        InvalidInput: the message uses a feature of Dramatiq that this broker does not have.
    """
    options = message.options
    for foreign in ("pipe_target", "group_completion_uuid"):
        if options.get(foreign) is not None:
            raise InvalidInput(f"options.{foreign}", "pipelines and groups of Dramatiq are not supported; use children")
    return NewJob(
        job_id=message.message_id,
        job_type=message.actor_name,
        data=message.kwargs,
        args=message.args,
        group=options.get("group", ""),
        options=JobOptions(
            priority=options.get("priority", 0), delay_ms=delay_ms, backoff_ms=options.get("backoff_ms")
        ),
        max_attempts=options.get("max_attempts", 5),
        unique_key=options.get("unique_key"),
        limit_keys=tuple(options.get("limit_keys", ())),
        keep_count=options.get("keep_count", 0),
        keep_ms=options.get("keep_ms", 0),
        message_options={name: value for name, value in options.items() if name not in _OURS},
    )
