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
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymongo import UpdateOne
from pymongo.database import Database

from libs.common.broker.connection import connect_redis
from libs.common.broker.enqueue import job_from
from libs.common.broker.queue import JobQueue
from libs.common.clock import SystemClock
from libs.common.credentials import CredentialsVault, new_credentials_key
from libs.common.ids import new_job_id
from libs.common.jobs.integration_sync import INTEGRATION_SYNC, IntegrationSync, SyncMode
from libs.common.jobs.states import JobState
from libs.common.settings import Secret, Settings
from libs.common.stores.collections import LEADS, create_collections
from libs.common.stores.integrations import IntegrationSettings, IntegrationStore, NewIntegration, Provider
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
    with RedisServer() as redis_server, MongoServer() as mongo_server, crm(options.rows) as simulator:
        settings = Settings(
            redis_url=Secret(redis_server.url),
            mongodb_uri=Secret(mongo_server.uri_for("benchmark")),
            credentials_key=Secret(key),
        )
        figures = measure(settings, simulator, rows=options.rows)
    for name, value in figures.items():
        print(f"{name:>32}  {value}")
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=2), encoding="utf-8")
    good = figures["ratio_to_ceiling"] >= GOAL and figures["worker_peak_mb"] < MOST_MEMORY_MB
    return 0 if good else 1


@contextmanager
def crm(rows: int) -> Iterator[dict[str, Any]]:
    """A HubSpot stand-in as a process; yields what it says of itself."""
    command = [sys.executable, "-m", "libs.simulators.hubspot", "--rows", str(rows), "--exit-with-stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait()


class Worker:
    """The sync worker as a process, and what memory it takes."""

    def __init__(self, settings: Settings) -> None:
        environ = {
            **os.environ,
            "REDIS_URL": settings.redis_url.reveal(),
            "MONGODB_URI": settings.mongodb_uri.reveal(),
            "CREDENTIALS_KEY": settings.credentials_key.reveal(),
            "LOG_LEVEL": "warning",
        }
        self._process = subprocess.Popen([sys.executable, "-m", "services.sync"], env=environ)
        self.memory_mb: list[float] = []
        self._stopping = threading.Event()
        self._watching = threading.Thread(target=self._watch, daemon=True)
        self._watching.start()

    @property
    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        self._stopping.set()
        self._watching.join()
        self._process.terminate()
        self._process.wait()

    def _watch(self) -> None:
        page_mb = os.sysconf("SC_PAGE_SIZE") / 1024 / 1024
        while not self._stopping.wait(0.25):
            pages = Path(f"/proc/{self._process.pid}/statm").read_text(encoding="utf-8").split()[1]
            self.memory_mb.append(int(pages) * page_mb)


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
    worker = Worker(settings)
    try:
        first, first_s = sync(settings, database, integration_id, SyncMode.FULL)
        cpu_s = worker.cpu_seconds
        memory = list(worker.memory_mb)
        again, again_s = sync(settings, database, integration_id, SyncMode.FULL)
        change_some(simulator["url"])
        some, some_s = sync(settings, database, integration_id, SyncMode.INCREMENTAL)
        calls = calls_made(simulator["url"])
        peak_mb = max(worker.memory_mb)
    finally:
        worker.stop()
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
    while (view := queue.get(job_id)) is None or view.state is not JobState.COMPLETED:
        if view and view.state is JobState.FAILED:
            raise RuntimeError(f"the run failed: {view.reason}")
        time.sleep(0.05)
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
