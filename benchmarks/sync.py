"""How fast a CRM's rows become leads, beside what MongoDB can take at most.

The smallest use, on servers and a HubSpot stand-in of its own::

    python -m benchmarks.sync --rows 100000

A worker process, started as in production, syncs the rows. Then the very documents that it wrote are written again by
plain pymongo, a bulk upsert by ``_id`` of 1,000 documents at a time with the same indexes and write concern and nothing
else: the ceiling. Reading them is not counted. After that: the same rows again, unchanged; and an incremental run after
one percent of them changed, with the calls and writes that it cost.
"""

import argparse
import json
import os
import sys
import threading
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from pymongo import UpdateOne
from pymongo.database import Database

from benchmarks.processes import Talking, in_python, talking
from benchmarks.waiting import PATIENCE_S, await_completed
from libs.common.broker.connection import connect_redis
from libs.common.broker.enqueue import job_from
from libs.common.broker.queue import JobQueue
from libs.common.clock import SystemClock
from libs.common.credentials import CredentialsVault, new_credentials_key
from libs.common.ids import new_job_id
from libs.common.integrations.model import IntegrationSettings, Provider
from libs.common.jobs.integration_sync import INTEGRATION_SYNC, IntegrationSync, SyncMode
from libs.common.settings import Secret, Settings
from libs.common.stores.collections import LEADS, create_collections
from libs.common.stores.integrations import IntegrationStore, NewIntegration
from libs.common.stores.mongo import Document, connect_mongo
from libs.common.stores.sync_runs import SyncRun, SyncRunStore
from libs.embedded import MongoServer, RedisServer

WORKSPACE = "benchmark"
GOAL = 0.7
MOST_MEMORY_MB = 200
_BATCH = 1_000


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sync", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="contacts in the CRM (default %(default)s)")
    parser.add_argument("--json", default="", help="a file for the figures")
    options = parser.parse_args(arguments)
    key = new_credentials_key()
    crm = in_python("libs.simulators.hubspot", "--rows", str(options.rows), "--exit-with-stdin")
    with RedisServer() as redis_server, MongoServer() as mongo_server, talking(crm) as simulator:
        settings = Settings(
            redis_url=Secret(redis_server.url),
            mongodb_uri=Secret(mongo_server.uri_for("benchmark")),
            credentials_key=Secret(key),
        )
        figures = measure(settings, simulator.hear(within_s=PATIENCE_S), rows=options.rows)
    for name, value in figures.items():
        print(f"{name:>32}  {value}")
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=2), encoding="utf-8")
    good = figures["ratio_to_ceiling"] >= GOAL and figures["worker_peak_mb"] < MOST_MEMORY_MB
    return 0 if good else 1


class Memory:
    """The memory that a process takes, looked at four times a second.

    Args:
        of: the process.
    """

    def __init__(self, of: Talking) -> None:
        self._of = of
        self.mb: list[float] = []
        self._stopping = threading.Event()
        self._watching = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._watching.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        self._watching.join()

    def _watch(self) -> None:
        while not self._stopping.wait(0.25):
            self.mb.append(self._of.memory_mb)


def measure(settings: Settings, simulator: dict[str, Any], *, rows: int) -> dict[str, Any]:
    database = connect_mongo(settings, service="benchmark")
    create_collections(database)
    integrations = IntegrationStore(database, CredentialsVault(settings.credentials_key))
    integration_id = integrations.add(
        NewIntegration(
            workspace_id=WORKSPACE,
            provider=Provider.HUBSPOT,
            credentials={"accessToken": simulator["token"]},
            settings=IntegrationSettings(base_url=simulator["url"], calls_per_second=0),
        ),
        at=SystemClock().now(),
    )
    environ = {
        "REDIS_URL": settings.redis_url.reveal(),
        "MONGODB_URI": settings.mongodb_uri.reveal(),
        "CREDENTIALS_KEY": settings.credentials_key.reveal(),
        "LOG_LEVEL": "warning",
    }
    with talking(in_python("services.sync"), environ=environ) as worker, Memory(worker) as taken:
        first, first_s = sync(settings, database, integration_id, SyncMode.FULL)
        cpu_s = worker.cpu_s
        memory = list(taken.mb)
        again, again_s = sync(settings, database, integration_id, SyncMode.FULL)
        change_some(simulator["url"])
        some, some_s = sync(settings, database, integration_id, SyncMode.INCREMENTAL)
        calls = calls_made(simulator["url"])
        peak_mb = max(taken.mb)
    upserted_per_s = ceiling(database)
    per_s = rows / first_s
    return {
        "rows": rows,
        "rows_per_second": round(per_s),
        "ceiling_rows_per_second": round(upserted_per_s),
        "ratio_to_ceiling": round(per_s / upserted_per_s, 2),
        "leads": first.counts.created,
        "worker_cpu_us_per_row": round(cpu_s / rows * 1e6, 1),
        "worker_peak_mb": round(peak_mb, 1),
        "worker_mb_at_a_quarter": round(memory[len(memory) // 4], 1),
        "worker_mb_at_the_end": round(memory[-1], 1),
        "unchanged_rows_per_second": round(rows / again_s),
        "unchanged_rows_written": again.counts.created + again.counts.updated,
        "one_percent_changed_seconds": round(some_s, 2),
        "one_percent_changed_calls": calls,
        "one_percent_changed_rows_read": some.counts.fetched,
        "one_percent_changed_rows_written": some.counts.created + some.counts.updated,
        "cores": os.cpu_count(),
    }


def sync(
    settings: Settings, database: Database[Document], integration_id: str, mode: SyncMode
) -> tuple[SyncRun, float]:
    """One run through the queue; how many seconds it took from the job's addition to the run's end."""
    queue = JobQueue(connect_redis(settings), INTEGRATION_SYNC.queue)
    payload = IntegrationSync(integration_id=integration_id, workspace_id=WORKSPACE, mode=mode)
    job_id = new_job_id()
    queue.add([job_from(INTEGRATION_SYNC, payload, job_id=job_id)])
    await_completed(queue, job_id)
    run = SyncRunStore(database).of_job(job_id)
    assert run is not None
    assert run.finished_at is not None
    return run, (run.finished_at - run.started_at).total_seconds()


def ceiling(database: Database[Document]) -> float:
    """Documents per second by plain bulk upserts into an empty collection with the same indexes."""
    other = database.client.get_database(
        "ceiling",
        codec_options=database.codec_options,
        write_concern=database.write_concern,
        read_concern=database.read_concern,
    )
    create_collections(other)
    seconds, written = 0.0, 0
    batch: list[UpdateOne] = []

    def write() -> None:
        nonlocal seconds, written
        began = time.perf_counter()
        other[LEADS].bulk_write(batch, ordered=False)
        seconds += time.perf_counter() - began
        written += len(batch)
        batch.clear()

    for document in database[LEADS].find():
        batch.append(UpdateOne({"_id": document.pop("_id")}, {"$set": document}, upsert=True))
        if len(batch) == _BATCH:
            write()
    if batch:
        write()
    return written / seconds


def change_some(url: str) -> None:
    """Changes every hundredth contact, and counts calls from here."""
    _ask(url, "calls", "DELETE")
    _ask(url, "rows/touch", "POST", {"every": 100})


def calls_made(url: str) -> int:
    return len(_ask(url, "calls", "GET"))


def _ask(url: str, what: str, method: str, body: object = None) -> Any:
    request = urllib.request.Request(
        f"{url}/__simulator/{what}", method=method, data=None if body is None else json.dumps(body).encode()
    )
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.loads(answer.read() or b"null")


if __name__ == "__main__":
    sys.exit(main())
