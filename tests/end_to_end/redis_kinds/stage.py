"""What every scenario needs: workers as processes, a load of accepted jobs, the reconciler, and a count of what ran."""

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import redis
from bson import ObjectId
from pymongo.database import Database

from libs.cli.supervisor import Supervisor, python_module
from libs.common.broker.connection import connect_redis
from libs.common.broker.enqueue import job_from
from libs.common.broker.queue import JobQueue
from libs.common.clock import SystemClock
from libs.common.errors import StoreUnavailable
from libs.common.ids import new_job_id
from libs.common.jobs.message_processing import MESSAGE_PROCESSING, MessageProcessing
from libs.common.ledger.model import NewEntry
from libs.common.ledger.mongo import MongoLedger
from libs.common.ledger.reconciler import Reconciler
from libs.common.ledger.reconciler_thread import ReconcilerThread
from libs.common.ledger.redis_epoch import RedisEpoch
from libs.common.settings import Secret, Settings
from libs.common.stores.mongo import Document
from tests.end_to_end.redis_kinds.app import RUNS
from tests.integration.ledger.factories import create_jobs
from tests.waiting import wait_until

LEASE_MS = 2_000
WORKERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the accepted jobs.

    Args:
        scenario: what was done to Redis.
        accepted: jobs that were promised.
        lost: those that never ran.
        repeated: those that ran more than once.
        runs: how often they ran altogether.
        brought_back: those that Redis had lost and the reconciler enqueued again.
    """

    scenario: str
    accepted: int
    lost: int
    repeated: int
    runs: int
    brought_back: int


class Stage:
    """A queue under load on some Redis.

    Args:
        redis_url: the Redis that suffers.
        mongodb_uri: where the ledger is.
        database: the same.
        effects: counts what ran.
        effects_url: where that is.
    """

    def __init__(
        self,
        redis_url: str,
        *,
        mongodb_uri: str,
        database: Database[Document],
        effects_url: str,
        effects: "redis.Redis",
    ) -> None:
        self.environ = {
            **os.environ,
            "REDIS_URL": redis_url,
            "MONGODB_URI": mongodb_uri,
            "EFFECTS_URL": effects_url,
            "LEASE_MS": str(LEASE_MS),
            "LOG_FORMAT": "json",
        }
        self.effects = effects
        self.redis = connect_redis(Settings(redis_url=Secret(redis_url)), socket_timeout_s=2)
        self.queue = JobQueue(self.redis, MESSAGE_PROCESSING.queue)
        self.ledger = MongoLedger(database)
        create_jobs(database)
        self.accepted: list[str] = []
        self._brought_back = 0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Workers, reconciler and load run inside the block; when it ends, the load stops and what is left is done."""
        self.effects.delete(RUNS)
        reconciler = Reconciler(
            self.ledger,
            {self.queue.name: self.queue},
            RedisEpoch(self.redis),
            clock=SystemClock(),
            after=timedelta(seconds=2),
        )
        thread = ReconcilerThread(
            reconciler,
            interval=timedelta(milliseconds=500),
            on_run=lambda report: self._count_brought_back(report.enqueued),
        )
        stop = threading.Event()
        load = threading.Thread(target=self._offer_until, args=(stop,))
        with Supervisor(on_line=_say_when_asked) as supervisor:
            for number in range(WORKERS):
                name = f"worker-{number}"
                supervisor.start(python_module(name, "tests.end_to_end.redis_kinds.app", environ=self.environ))
            thread.start()
            load.start()
            try:
                wait_until(lambda: len(self.ran()) > 20, deadline_s=30, message="jobs flow")
                yield
            finally:
                stop.set()
                load.join()
            with contextlib.suppress(AssertionError):
                wait_until(lambda: len(self.ran()) == len(self.accepted), deadline_s=40, interval_s=0.1)
            thread.stop()

    def outcome(self, scenario: str) -> Outcome:
        ran = self.ran()
        return Outcome(
            scenario=scenario,
            accepted=len(self.accepted),
            lost=len(set(self.accepted) - set(ran)),
            repeated=sum(runs > 1 for runs in ran.values()),
            runs=sum(ran.values()),
            brought_back=self._brought_back,
        )

    def ran(self) -> dict[str, int]:
        return {text(job_id): int(runs) for job_id, runs in self.effects.hgetall(RUNS).items()}

    def wait_for_more(self, jobs: int, *, deadline_s: float = 40) -> None:
        """Until so many more jobs have run."""
        wanted = len(self.ran()) + jobs
        wait_until(lambda: len(self.ran()) >= wanted, deadline_s=deadline_s, message="jobs flow on")

    def offer(self, count: int) -> None:
        """Accepts jobs as the gateway does: into the ledger, then into Redis if it is there."""
        clock = SystemClock()
        payloads = [MessageProcessing(message_id=str(ObjectId()), workspace_id=f"w{i % 4}") for i in range(count)]
        entries = [
            NewEntry(
                job_id=new_job_id(),
                job_type=MESSAGE_PROCESSING.job_type,
                queue=MESSAGE_PROCESSING.queue,
                data=MESSAGE_PROCESSING.dump(payload),
                created_at=clock.now(),
                workspace_id=payload.workspace_id,
                unique_key=payload.message_id,
            )
            for payload in payloads
        ]
        self.ledger.accept_many(entries)
        self.accepted += [entry.job_id for entry in entries]
        with contextlib.suppress(StoreUnavailable):
            self.queue.add(
                [
                    job_from(MESSAGE_PROCESSING, payload, job_id=entry.job_id, in_ledger=True)
                    for payload, entry in zip(payloads, entries, strict=True)
                ]
            )

    def _offer_until(self, stop: threading.Event) -> None:
        while not stop.wait(0.05):
            self.offer(5)

    def _count_brought_back(self, jobs: int) -> None:
        self._brought_back += jobs


def text(answer: bytes | str) -> str:
    return answer.decode() if isinstance(answer, bytes) else answer


def _say_when_asked(name: str, line: str) -> None:
    if os.environ.get("SHOW_WORKERS"):
        sys.stderr.write(f"{name}: {line}\n")
