"""What bulk availability runs on here: Redis, MongoDB, a cheap provider, leads; and the two who do the work."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from pymongo.database import Database

from benchmarks.availability.leads import fill
from benchmarks.processes import Talking, all_talking, in_node, in_python, talking
from benchmarks.waiting import PATIENCE_S, await_completed
from libs.cli.lines import NewLine, save_line
from libs.common.broker.connection import connect_redis
from libs.common.broker.enqueue import job_from
from libs.common.broker.queue import JobQueue
from libs.common.clock import SystemClock
from libs.common.credentials import CredentialsVault, new_credentials_key
from libs.common.ids import new_job_id
from libs.common.jobs.bulk_availability import BULK_AVAILABILITY, BulkAvailability
from libs.common.ledger.model import NewEntry
from libs.common.ledger.mongo import MongoLedger
from libs.common.settings import Secret, Settings
from libs.common.stores.collections import LEADS, create_collections
from libs.common.stores.mongo import Document, connect_mongo
from libs.embedded import MongoServer, RedisServer

WORKSPACE = "benchmark"
IN_FLIGHT = 400
LINES = 8
CHUNK = 200
_AS_FAST_AS_IT_CAN = 1_000_000
_POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a run took.

    Args:
        seconds: from the moment when it is asked for until its sum is known.
        leads: how many.
        questions: how many the provider was asked.
        most_in_flight: how many at once at most.
        worker_cpu_s: what the workers took of the processors.
        answered: how many leads have an answer in the store.
        memory_mb: the workers' resident memory at the end.
    """

    seconds: float
    leads: int
    questions: int
    most_in_flight: int
    worker_cpu_s: float
    answered: int
    memory_mb: float

    @property
    def per_s(self) -> float:
        """Leads a second."""
        return self.leads / self.seconds


class World:
    """Servers, a provider with its lines, and leads.

    Args:
        settings: lead to the servers.
        database: what the settings lead to.
        provider: what the provider said of itself.
        leads: how many leads to store.
        rate: questions a second that each line takes.
    """

    def __init__(
        self, settings: Settings, provider: Mapping[str, Any], *, leads: int, rate: float = _AS_FAST_AS_IT_CAN
    ) -> None:
        self.settings = settings
        self.database: Database[Document] = connect_mongo(settings, service="benchmark")
        create_collections(self.database)
        self._counts_url = provider["countsUrl"]
        self._rate = rate
        self.lines = [self._save(line, number) for number, line in enumerate(provider["lines"])]
        self.lead_ids = fill(self.database, WORKSPACE, leads)

    @contextmanager
    def ours(self, processes: int, **further: str) -> Iterator[list[Talking]]:
        """Our workers, started as in production.

        Args:
            processes: how many.
            further: settings beside the addresses.
        """
        environ = {
            "REDIS_URL": self.settings.redis_url.reveal(),
            "MONGODB_URI": self.settings.mongodb_uri.reveal(),
            "CREDENTIALS_KEY": self.settings.credentials_key.reveal(),
            "AVAILABILITY_CHUNK_SIZE": str(CHUNK),
            "AVAILABILITY_IN_FLIGHT_PER_LINE": str(IN_FLIGHT // LINES // processes),
            "LOG_LEVEL": "warning",
            **further,
        }
        with all_talking([(in_python("services.availability"), environ)] * processes) as workers:
            yield workers

    @contextmanager
    def bullmq(self, processes: int) -> Iterator[list[Talking]]:
        """The reference's workers.

        Args:
            processes: how many.
        """
        options = {
            "redis": self.settings.redis_url.reveal(),
            "mongo": self.settings.mongodb_uri.reveal(),
            "database": self.database.name,
            "lines": self.lines,
            "inFlight": IN_FLIGHT // processes,
            "chunk": CHUNK,
            "jobsAtOnce": 8,
        }
        command = in_node("availability.js", json.dumps(options))
        with all_talking([(command, {})] * processes) as workers:
            for worker in workers:
                worker.hear()
            yield workers

    def run_ours(self, workers: Sequence[Talking]) -> Run:
        """One run by our workers, asked for as the gateway does it: ledger, then queue."""
        queue = JobQueue(connect_redis(self.settings), BULK_AVAILABILITY.queue)
        payload = BulkAvailability(lead_ids=self.lead_ids, user_id="benchmark", workspace_id=WORKSPACE)
        job = job_from(BULK_AVAILABILITY, payload, job_id=new_job_id(), in_ledger=True)
        entry = NewEntry(
            job_id=job.job_id,
            job_type=job.job_type,
            queue=queue.name,
            data=BULK_AVAILABILITY.dump(payload),
            created_at=SystemClock().now(),
            workspace_id=WORKSPACE,
        )

        def ask() -> None:
            MongoLedger(self.database).accept(entry)
            queue.add([job])

        def await_end() -> None:
            await_completed(queue, job.job_id)

        return self._timed(workers, ask, await_end)

    def run_bullmq(self, workers: Sequence[Talking]) -> Run:
        """One run by the reference's workers. With several, whichever ends it says so."""

        def ask() -> None:
            workers[0].say({"workspaceId": WORKSPACE, "leadIds": self.lead_ids})

        def await_end() -> None:
            deadline = time.monotonic() + PATIENCE_S
            while not any(worker.has_spoken for worker in workers):
                if time.monotonic() > deadline:
                    raise RuntimeError("the run did not complete")
                time.sleep(_POLL_S)
            next(worker for worker in workers if worker.has_spoken).hear()

        return self._timed(workers, ask, await_end)

    def _timed(self, workers: Sequence[Talking], ask: Any, await_end: Any) -> Run:
        self.database[LEADS].update_many({}, {"$unset": {"availability": True}})
        self._counts()
        cpu_s = sum(worker.cpu_s for worker in workers)
        began = time.monotonic()
        ask()
        await_end()
        seconds = time.monotonic() - began
        counts = self._counts()
        return Run(
            seconds=seconds,
            leads=len(self.lead_ids),
            questions=counts["asked"],
            most_in_flight=counts["mostInFlight"],
            worker_cpu_s=sum(worker.cpu_s for worker in workers) - cpu_s,
            answered=self.database[LEADS].count_documents({"availability.status": {"$exists": True}}),
            memory_mb=sum(worker.memory_mb for worker in workers),
        )

    def _counts(self) -> dict[str, int]:
        counts: dict[str, int] = httpx.get(self._counts_url).json()
        return counts

    def _save(self, line: Mapping[str, str], number: int) -> dict[str, str]:
        vault = CredentialsVault(self.settings.credentials_key)
        new = NewLine(
            workspace_id=WORKSPACE,
            provider="bluebubbles",
            server_url=line["serverUrl"],
            credentials={"password": line["password"]},
            name=f"line-{number}",
            limits={"checksPerSecond": self._rate},
        )
        line_id, _ = save_line(self.database, vault, new)
        return {"_id": line_id, **line}


@contextmanager
def world(*, leads: int, rate: float = _AS_FAST_AS_IT_CAN, lines: int = LINES) -> Iterator[World]:
    """Starts everything but the workers, and ends it with the block.

    Args:
        leads: how many leads to store.
        rate: questions a second that each line takes.
        lines: how many lines there are.
    """
    with (
        RedisServer() as redis_server,
        MongoServer(cache_gb=1) as mongo_server,
        talking(in_python("benchmarks.provider", "--lines", str(lines))) as provider,
    ):
        settings = Settings(
            redis_url=Secret(redis_server.url),
            mongodb_uri=Secret(mongo_server.uri_for("benchmark")),
            credentials_key=Secret(new_credentials_key()),
        )
        yield World(settings, provider.hear(), leads=leads, rate=rate)
