"""How long the dashboard's pages and ``/stats`` take, with few jobs and with very many: the time must not grow.

The smallest use, on servers of its own::

    python -m benchmarks.dashboard --few 1000 --many 1000000

It starts stores and a gateway, fills Redis (waiting and delayed jobs of 200 workspaces, dead letters) and MongoDB (a
tenth as many entries of the ledger, runs over lists and messages, ten thousand at least), asks for every page again and
again, fills up, and asks again. It prints the middle and the slowest of a hundred, in milliseconds, and how they
compare.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
from bson import ObjectId
from pymongo.database import Database

from libs.cli.services import GATEWAY, Service
from libs.cli.simulators import DEMO_WORKSPACE, SimulatorSettings
from libs.cli.stack import Plan, Stack
from libs.cli.state_folder import new_secrets
from libs.cli.supervisor import Supervisor
from libs.common.broker.connection import connect_redis
from libs.common.broker.model import JobOptions, NewJob
from libs.common.broker.queue import JobQueue
from libs.common.ids import new_job_id
from libs.common.settings import Settings, tokens_of
from libs.common.stores.collections import JOBS, MESSAGES
from libs.common.stores.mongo import Document
from libs.embedded import ports

WORKSPACES = 200
DEAD_LETTERS = 500
_BATCH = 2_000
_FULL_PAGES = 10_000
_SETTLING_S = 15
_QUEUE = "message-processing"
_DIES = "integration-sync"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dashboard", description=__doc__)
    parser.add_argument("--few", type=int, default=1_000, help="jobs at first (default %(default)s)")
    parser.add_argument("--many", type=int, default=1_000_000, help="jobs in the end (default %(default)s)")
    parser.add_argument("--times", type=int, default=100, help="requests per page (default %(default)s)")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    options = parser.parse_args(arguments)
    plan = Plan(
        data=None,
        secrets=new_secrets(),
        port=ports.choose(),
        workspace=DEMO_WORKSPACE,
        simulators=SimulatorSettings(lines=8),
        settings={"LOG_LEVEL": "warning"},
        services=(GATEWAY, Service(name="sync", module="services.sync")),
    )
    ours = {field.name.upper() for field in msgspec.structs.fields(Settings)}
    environ = {name: value for name, value in os.environ.items() if name not in ours}
    supervisor = Supervisor(on_line=lambda _name, _line: None, on_event=lambda _event: None)
    with Stack(plan, environ=environ, supervisor=supervisor) as stack:
        ill = stack.await_health(timeout_s=120)
        if ill is not None:
            sys.exit(f"the installation is not healthy: {ill}")
        stack.initialize()
        headers = {"Authorization": f"Bearer {tokens_of(stack.settings.admin_token)[0]}", "Accept": "text/html"}
        with httpx.Client(base_url=stack.url, headers=headers, timeout=60, trust_env=False) as client:
            figures = compare(stack, client, few=options.few, many=options.many, times=options.times)
    report(figures, few=options.few, many=options.many)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")
    return 0


def compare(stack: Stack, client: httpx.Client, *, few: int, many: int, times: int) -> dict[str, dict[str, float]]:
    """The milliseconds of each page with few and with many jobs, by the page's name."""
    queue = JobQueue(connect_redis(stack.settings), _QUEUE)
    database = stack.database()
    make_dead_letters(client)
    figures: dict[str, dict[str, float]] = {}
    there = 0
    for label, wanted in (("few", few), ("many", many)):
        began = time.monotonic()
        some_job = fill(queue, database, wanted - there)
        sys.stdout.write(f"{wanted:,} jobs are there after {time.monotonic() - began:.0f} s\n")
        there = wanted
        # The stores still write what they were given.
        time.sleep(_SETTLING_S)
        for name, path in pages(some_job).items():
            seconds = list(ask(client, path, times))
            quantiles = statistics.quantiles(seconds, n=100, method="inclusive")
            told = figures.setdefault(name, {})
            told |= {
                f"{label}_p50_ms": round(quantiles[49] * 1000, 1),
                f"{label}_p99_ms": round(quantiles[98] * 1000, 1),
            }
    return figures


def ask(client: httpx.Client, path: str, times: int) -> Iterator[float]:
    """How many seconds each of so many requests took, after one that does not count."""
    for number in range(times + 1):
        began = time.perf_counter()
        client.get(path).raise_for_status()
        if number:
            yield time.perf_counter() - began


def pages(job_id: str) -> Mapping[str, str]:
    """What is asked for."""
    queue = f"/dashboard/queues/{_QUEUE}"
    return {
        "GET /stats": "/api/bullmq/stats",
        "overview": "/dashboard/",
        "queue, waiting": f"{queue}?state=waiting",
        "queue, delayed": f"{queue}?state=delayed",
        "queue, one workspace": f"{queue}?state=waiting&workspace=workspace-7",
        "queue, search": f"/dashboard/queues/{_DIES}?state=failed&text=integration",
        "job": f"/dashboard/jobs/{job_id}",
        "dead letters": "/dashboard/dead",
        "lists": "/dashboard/lists",
        "messages, to decide": "/dashboard/messages",
        "messages, failed": "/dashboard/messages?show=failed",
        "messages, latest": "/dashboard/messages?show=latest",
        "lines": "/dashboard/lines",
        "integrations": "/dashboard/integrations",
        "schedules": "/dashboard/schedules",
    }


def make_dead_letters(client: httpx.Client) -> None:
    """Lets jobs die: syncs of integrations that are not there."""
    wishes = [
        {"jobType": _DIES, "data": {"integrationId": str(ObjectId()), "workspaceId": f"workspace-{n % WORKSPACES}"}}
        for n in range(DEAD_LETTERS)
    ]
    client.post("/api/bullmq/jobs/batch", json={"jobs": wishes}).raise_for_status()
    give_up_at = time.monotonic() + 120
    while _dead(client) < DEAD_LETTERS:
        if time.monotonic() > give_up_at:
            sys.exit("the dead letters were not made")
        time.sleep(0.5)


def _dead(client: httpx.Client) -> int:
    queues = client.get("/api/bullmq/stats").json()["queues"]
    return sum(int(queue["counts"]["failed"]) for queue in queues)


def fill(queue: JobQueue, database: Database[Document], jobs: int) -> str:
    """Adds so many jobs to Redis, every tenth of them delayed, and a tenth as much to MongoDB; answers one's id."""
    last = ""
    for start in range(0, jobs, _BATCH):
        batch = [_job(number) for number in range(start, min(start + _BATCH, jobs))]
        # Jobs of one workspace side by side go into the queue in one step.
        queue.add(sorted(batch, key=lambda job: (job.options.delay_ms > 0, job.group)))
        last = batch[0].job_id
    now = datetime.now(UTC)
    # Never so few that a page is not full: an empty page is quick for another reason.
    documents = max(jobs // 10, _FULL_PAGES)
    for start in range(0, documents, _BATCH):
        numbers = range(start, min(start + _BATCH, documents))
        database[JOBS].insert_many([_entry(number, now) for number in numbers], ordered=False)
        database[MESSAGES].insert_many([_message(number, now) for number in numbers], ordered=False)
    return last


def _job(number: int) -> NewJob:
    workspace = f"workspace-{number % WORKSPACES}"
    return NewJob(
        job_id=new_job_id(),
        job_type="message-processing",
        data={"messageId": str(ObjectId()), "workspaceId": workspace},
        group=workspace,
        options=JobOptions(delay_ms=86_400_000 if number % 10 == 0 else 0),
    )


def _entry(number: int, now: datetime) -> Document:
    """An ended job of the ledger; every fiftieth is a run over a list."""
    workspace = f"workspace-{number % WORKSPACES}"
    is_run = number % 50 == 0
    leads = [str(ObjectId()) for _ in range(100)] if is_run else []
    return {
        "_id": new_job_id(),
        "jobType": "bulk-availability-check" if is_run else "integration-sync",
        "queue": "bulk-availability" if is_run else "integration-sync",
        "data": {"leadIds": leads, "userId": "u", "workspaceId": workspace} if is_run else {"workspaceId": workspace},
        "options": {},
        "status": "completed",
        "workspaceId": workspace,
        "createdAt": now - timedelta(seconds=number % 86_400),
        "finishedAt": now,
        "result": {"checked": 100, "available": 80, "unavailable": 20} if is_run else {},
    }


def _message(number: int, now: datetime) -> Document:
    """A message that was sent; every hundredth failed, every ten thousandth is uncertain."""
    at = now - timedelta(seconds=number % 864_000)
    status = "uncertain" if number % 10_000 == 0 else "failed" if number % 100 == 0 else "sent"
    return {
        "workspaceId": f"workspace-{number % WORKSPACES}",
        "to": f"+1212{number % 8_000_000 + 2_000_000:07}",
        "text": "Hello, this is a message of an ordinary length for a campaign of this kind.",
        "status": status,
        "attempts": 1,
        "dispatchedAt": at,
        "createdAt": at,
        "updatedAt": at,
    }


def report(figures: Mapping[str, Mapping[str, float]], *, few: int, many: int) -> None:
    """Prints the figures as a table."""
    sys.stdout.write(f"{'milliseconds':<24}{few:>12,} jobs{'':>10}{many:>12,} jobs\n")
    sys.stdout.write(f"{'':<24}{'p50':>8}{'p99':>9}{'':>10}{'p50':>8}{'p99':>9}{'p50 grows':>12}\n")
    for name, told in figures.items():
        growth = told["many_p50_ms"] / told["few_p50_ms"] if told["few_p50_ms"] else 0
        few_part = f"{told['few_p50_ms']:>8}{told['few_p99_ms']:>9}"
        sys.stdout.write(
            f"{name:<24}{few_part}{'':>10}{told['many_p50_ms']:>8}{told['many_p99_ms']:>9}{growth:>11.2f}x\n"
        )


if __name__ == "__main__":
    sys.exit(main())
