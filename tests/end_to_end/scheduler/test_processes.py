"""Schedulers as processes: several at once, killed, and asked over their own port."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pymongo.database import Database

from libs.common.settings import Secret, Settings
from libs.common.stores.collections import JOBS, TICKS, create_collections
from libs.common.stores.mongo import Document, connect_mongo
from libs.common.stores.schedules import Schedule, ScheduleStore
from libs.embedded.ports import choose
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]
MISSED = 40


class Scheduler:
    def __init__(self, log: Path, **environment: str) -> None:
        self.port = choose(lambda _port: True)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "services.scheduler"],
            cwd=ROOT,
            env={**os.environ, "INTERNAL_PORT": str(self.port), "LOG_FORMAT": "json", **environment},
            stderr=log.open("wb"),
        )

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""


@pytest.fixture
def database(mongo_uri: str) -> Database[Document]:
    connected = connect_mongo(Settings(mongodb_uri=Secret(mongo_uri)), service="test")
    create_collections(connected)
    return connected


@pytest.fixture
def schedulers(redis_url: str, mongo_uri: str, tmp_path: Path) -> Iterator[list[Scheduler]]:
    started = [Scheduler(tmp_path / f"scheduler-{n}.log", REDIS_URL=redis_url, MONGODB_URI=mongo_uri) for n in range(3)]
    yield started
    for scheduler in started:
        scheduler.process.kill()
        scheduler.process.wait()


def test_schedulers_that_start_together_make_one_late_run_of_what_was_missed(
    database: Database[Document], schedulers: list[Scheduler]
) -> None:
    last = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=MISSED)
    ScheduleStore(database).put(
        Schedule(name="catch-up", job_type="scheduled-messages", cron="* * * * *", last_tick_at=last)
    )
    wait_until(lambda: database[JOBS].count_documents({}) > 0, deadline_s=30)
    wait_until(lambda: database[TICKS].count_documents({"emitted": False}) == 0)
    rows = list(database[TICKS].find().sort("tick", 1))
    emitted = [row for row in rows if row["outcome"] in ("fired", "late")]
    assert [row["tick"] for row in rows[:MISSED]] == [last + timedelta(minutes=n + 1) for n in range(MISSED)]
    assert {row["outcome"] for row in rows[: MISSED - 1]} == {"coalesced"}
    assert database[JOBS].count_documents({}) == len(emitted)


def test_a_killed_scheduler_is_not_missed(database: Database[Document], schedulers: list[Scheduler]) -> None:
    wait_until(lambda: all(scheduler.get("/readyz")[0] == 200 for scheduler in schedulers), deadline_s=30)
    schedulers[0].process.kill()
    ScheduleStore(database).put(
        Schedule(
            name="new",
            job_type="health-check",
            cron="* * * * *",
            last_tick_at=datetime.now(UTC) - timedelta(minutes=2),
        )
    )
    wait_until(lambda: database[JOBS].count_documents({}) == 1, deadline_s=15)


def test_its_port_shows_health_and_metrics_and_it_ends_in_order(schedulers: list[Scheduler]) -> None:
    scheduler = schedulers[0]
    wait_until(lambda: scheduler.get("/healthz")[0] == 200, deadline_s=30)
    assert "tuco_schedule_lateness_seconds" in scheduler.get("/metrics")[1]
    scheduler.process.send_signal(signal.SIGTERM)
    assert scheduler.process.wait(timeout=15) == 0


def test_a_scheduler_without_mongodb_lives_and_is_not_ready(redis_url: str, tmp_path: Path) -> None:
    scheduler = Scheduler(tmp_path / "log", REDIS_URL=redis_url, MONGODB_URI="mongodb://127.0.0.1:1/x")
    try:
        wait_until(lambda: scheduler.get("/healthz")[0] == 200, deadline_s=30)
        assert scheduler.get("/readyz") == (503, '{"status": "unavailable", "missing": ["mongodb"]}')
    finally:
        scheduler.process.kill()
        scheduler.process.wait()
