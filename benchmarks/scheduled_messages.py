"""How fast a tick gives due messages their jobs, among very many that are not due.

The smallest use, on servers of its own::

    python -m benchmarks.scheduled_messages --scheduled 100000 --due 10000

It fills a database, runs one tick as the worker does, and prints messages per second, the longest time that one batch
took, the growth of this process's memory, and the index by which the due ones were found.
"""

import argparse
import json
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo.database import Database

from libs.common.broker.connection import connect_redis
from libs.common.broker.queue import JobQueue
from libs.common.clock import SystemClock
from libs.common.settings import Secret, Settings
from libs.common.stores.collections import MESSAGES, create_collections
from libs.common.stores.due_messages import DueMessageStore
from libs.common.stores.mongo import Document, connect_mongo
from libs.embedded import MongoServer, RedisServer
from services.messaging.due import DueMessages

_INSERT_BATCH = 10_000


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scheduled_messages", description=__doc__)
    parser.add_argument(
        "--scheduled", type=int, default=100_000, help="scheduled messages in all (default %(default)s)"
    )
    parser.add_argument("--due", type=int, default=10_000, help="those of them that are due (default %(default)s)")
    parser.add_argument("--workspaces", type=int, default=20, help="over how many workspaces (default %(default)s)")
    parser.add_argument("--batch", type=int, default=2_000, help="claimed and enqueued at once (default %(default)s)")
    parser.add_argument("--json", default="", help="a file for the figures")
    options = parser.parse_args(arguments)
    with RedisServer() as redis_server, MongoServer() as mongo_server:
        settings = Settings(redis_url=Secret(redis_server.url), mongodb_uri=Secret(mongo_server.uri))
        database = connect_mongo(settings, service="benchmark")
        create_collections(database)
        began = time.monotonic()
        # In a process of its own: what the filling needs at most shall not hide what the tick needs.
        sizes = (options.scheduled, options.due, options.workspaces)
        filler = multiprocessing.get_context("spawn").Process(target=fill, args=(mongo_server.uri, *sizes))
        filler.start()
        filler.join()
        print(f"filled {options.scheduled:,} messages in {time.monotonic() - began:.1f} s")
        figures = measure(settings, database, due=options.due, batch=options.batch)
    for name, value in figures.items():
        print(f"{name:>24}  {value}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:  # noqa: PTH123 - a path as the caller gave it
            json.dump(figures, file, indent=2)
    return 0 if figures["enqueued"] == options.due else 1


def fill(mongodb_uri: str, scheduled: int, due: int, workspaces: int) -> None:
    database = connect_mongo(Settings(mongodb_uri=Secret(mongodb_uri)), service="benchmark")
    messages = database[MESSAGES].with_options(write_concern=database.write_concern.__class__(1))
    batch: list[Document] = []
    for document in _messages(scheduled, due, workspaces):
        batch.append(document)
        if len(batch) == _INSERT_BATCH:
            messages.insert_many(batch, ordered=False)
            batch = []
    if batch:
        messages.insert_many(batch, ordered=False)


def _messages(scheduled: int, due: int, workspaces: int) -> Iterator[Document]:
    now = datetime.now(UTC)
    every = max(1, scheduled // due) if due else scheduled + 1
    given = 0
    for n in range(scheduled):
        is_due = given < due and (n % every == 0 or scheduled - n <= due - given)
        given += is_due
        yield {
            "_id": ObjectId(),
            "workspaceId": f"workspace-{n % workspaces}",
            "leadId": ObjectId(),
            "to": f"+1212{n % 8_000_000 + 2_000_000:07}",
            "text": "Hello, this is a message of an ordinary length for a campaign of this kind.",
            "status": "scheduled",
            "scheduledAt": now - timedelta(seconds=n % 60) if is_due else now + timedelta(hours=1, seconds=n % 86_400),
            "createdAt": now,
            "updatedAt": now,
        }


class _Watched:
    """A queue that notes how long each batch took from one addition to the next."""

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue
        self.last = time.monotonic()
        self.longest_s = 0.0

    def add(self, jobs: Sequence[Any]) -> list[Any]:
        added = self._queue.add(jobs)
        now = time.monotonic()
        self.longest_s = max(self.longest_s, now - self.last)
        self.last = now
        return added


def measure(settings: Settings, database: Database[Document], *, due: int, batch: int) -> dict[str, Any]:
    queue = _Watched(JobQueue(connect_redis(settings), "message-processing"))
    ticks = DueMessages(DueMessageStore(database), queue, clock=SystemClock(), batch=batch)
    before_mb = _peak_mb()
    queue.last = began = time.monotonic()
    cpu = time.process_time()
    report = ticks.run_once("benchmark")
    seconds = time.monotonic() - began
    return {
        "due": due,
        "enqueued": report.enqueued,
        "seconds": round(seconds, 2),
        "messages_per_second": round(report.enqueued / seconds),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "longest_batch_seconds": round(queue.longest_s, 2),
        "memory_growth_mb": round(_peak_mb() - before_mb, 1),
        "index": _index(database),
        "cores": os.cpu_count(),
    }


def _index(database: Database[Document]) -> str:
    wanted = {"status": "scheduled", "scheduledAt": {"$lte": datetime.now(UTC)}}
    command = {"find": MESSAGES, "filter": wanted, "sort": {"scheduledAt": 1}, "limit": 10}
    plan = database.command("explain", command, verbosity="queryPlanner")["queryPlanner"]["winningPlan"]
    while "inputStage" in plan:
        plan = plan["inputStage"]
    return str(plan.get("indexName", plan["stage"]))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
