"""Ticks on real stores: each emitted once, by however many schedulers, and a row for every one of them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.database import Database

from libs.common.broker.connection import connect_redis
from libs.common.broker.queue import JobQueue
from libs.common.jobs.contract import MissedTicks
from libs.common.jobs.registry import queues
from libs.common.ledger.mongo import MongoLedger
from libs.common.settings import Secret, Settings
from libs.common.stores.collections import JOBS, SCHEDULES, TICKS
from libs.common.stores.mongo import Document, connect_mongo
from libs.common.stores.schedules import DEFAULT_SCHEDULES, Schedule, ScheduleStore
from libs.common.stores.ticks import TickStore
from services.scheduler.emitter import TickEmitter, tick_job_id
from tests.integration.ledger.factories import create_jobs

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
NAME = "scheduled-messages"


class HandClock:
    def __init__(self) -> None:
        self.at = NOON + timedelta(seconds=1)

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def database(mongo_uri: str) -> Database[Document]:
    connected = connect_mongo(Settings(mongodb_uri=Secret(mongo_uri)), service="test")
    create_jobs(connected)
    return connected


@pytest.fixture
def schedules(database: Database[Document]) -> ScheduleStore:
    return ScheduleStore(database)


@pytest.fixture
def queue(redis_url: str) -> JobQueue:
    return JobQueue(connect_redis(Settings(redis_url=Secret(redis_url))), NAME)


def emitter_of(database: Database[Document], redis_url: str, clock: HandClock, name: str = "one") -> TickEmitter:
    redis = connect_redis(Settings(redis_url=Secret(redis_url)))
    return TickEmitter(
        ScheduleStore(database),
        TickStore(database),
        MongoLedger(database),
        {queue: JobQueue(redis, queue) for queue in queues()},
        clock=clock,
        name=name,
    )


@pytest.fixture
def emitter(database: Database[Document], redis_url: str, clock: HandClock) -> TickEmitter:
    return emitter_of(database, redis_url, clock)


def put(schedules: ScheduleStore, **fields: Any) -> None:
    given = {"name": NAME, "job_type": NAME, "cron": "* * * * *", **fields}
    schedules.put(Schedule(**given))


def rows(database: Database[Document]) -> list[tuple[str, str]]:
    return [(f"{row['tick']:%H:%M}", row["outcome"]) for row in database[TICKS].find().sort("tick", 1)]


def emitted(database: Database[Document]) -> list[str]:
    return sorted(job["data"]["tick"] for job in database[JOBS].find())


def test_a_tick_becomes_one_job_with_its_moment(
    emitter: TickEmitter, schedules: ScheduleStore, database: Database[Document], queue: JobQueue
) -> None:
    put(schedules)
    (row,) = emitter.run_once(NAME)
    assert (row.tick, row.outcome) == (NOON, "fired")
    (job,) = database[JOBS].find()
    assert job["_id"] == row.job_id == tick_job_id(NAME, NOON)
    assert job["data"] == {"schedule": NAME, "tick": "2026-11-24T12:00:00+00:00"}
    view = queue.get(job["_id"])
    assert view is not None
    assert view.data == job["data"]
    stored = schedules.get(NAME)
    assert stored is not None
    assert stored.last_tick_at == NOON


def test_the_same_tick_again_is_nothing(
    emitter: TickEmitter, schedules: ScheduleStore, database: Database[Document]
) -> None:
    put(schedules)
    emitter.run_once(NAME)
    assert emitter.run_once(NAME) == []
    assert len(emitted(database)) == 1


def test_many_schedulers_emit_each_tick_once(
    database: Database[Document], redis_url: str, clock: HandClock, schedules: ScheduleStore, queue: JobQueue
) -> None:
    put(schedules)
    emitters = [emitter_of(database, redis_url, clock, name=f"s{n}") for n in range(5)]
    for _ in range(6):
        with ThreadPoolExecutor(5) as pool:
            list(pool.map(lambda one: one.run_once(NAME), emitters))
        clock.at += timedelta(minutes=1)
    assert rows(database) == [(f"12:{minute:02}", "fired") for minute in range(6)]
    assert len(emitted(database)) == 6
    assert queue.stats().totals["added"] == 6


def test_missed_ticks_are_one_late_run_and_each_has_a_row(
    emitter: TickEmitter, schedules: ScheduleStore, database: Database[Document], clock: HandClock
) -> None:
    put(schedules, last_tick_at=NOON - timedelta(minutes=3))
    assert len(emitter.run_once(NAME)) == 3
    assert rows(database) == [("11:58", "coalesced"), ("11:59", "coalesced"), ("12:00", "late")]
    assert emitted(database) == ["2026-11-24T12:00:00+00:00"]


def test_a_schedule_may_skip_what_was_missed(
    emitter: TickEmitter, schedules: ScheduleStore, database: Database[Document], clock: HandClock
) -> None:
    put(schedules, last_tick_at=NOON - timedelta(minutes=2), missed=MissedTicks.SKIP)
    clock.at = NOON + timedelta(seconds=30)
    emitter.run_once(NAME)
    assert rows(database) == [("11:59", "skipped"), ("12:00", "skipped")]
    assert emitted(database) == []


def test_a_schedule_that_is_off_emits_nothing_and_owes_nothing_later(
    emitter: TickEmitter, schedules: ScheduleStore, database: Database[Document], clock: HandClock
) -> None:
    put(schedules, enabled=False, last_tick_at=NOON - timedelta(minutes=1))
    emitter.run_once(NAME)
    put(schedules, enabled=True)
    clock.at += timedelta(minutes=1)
    emitter.run_once(NAME)
    assert rows(database) == [("12:00", "skipped"), ("12:01", "fired")]


def test_a_new_schedule_owes_nothing_for_the_time_before(
    emitter: TickEmitter, schedules: ScheduleStore, clock: HandClock
) -> None:
    put(schedules)
    clock.at = NOON + timedelta(seconds=30)
    assert emitter.run_once(NAME) == []


def test_a_decision_that_was_not_carried_out_is_by_the_next_scheduler(
    emitter: TickEmitter,
    schedules: ScheduleStore,
    database: Database[Document],
    redis_url: str,
    clock: HandClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(schedules)

    def die(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(emitter, "_emit", die)
    with pytest.raises(KeyboardInterrupt):
        emitter.run_once(NAME)
    assert emitted(database) == []
    another = emitter_of(database, redis_url, clock, name="two")
    clock.at += timedelta(minutes=1)
    another.run_once(NAME)
    assert rows(database) == [("12:00", "fired"), ("12:01", "fired")]
    assert len(emitted(database)) == 2


def test_a_scheduler_that_died_after_the_ledger_had_the_job_emits_it_no_second_time(
    emitter: TickEmitter, schedules: ScheduleStore, database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(schedules)

    def die(*_args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(TickStore, "emitted", die)
        with pytest.raises(KeyboardInterrupt):
            emitter.run_once(NAME)
    assert emitter.emit_decided() == 1
    assert emitter.emit_decided() == 0
    assert len(emitted(database)) == 1


def test_redis_away_leaves_the_job_in_the_ledger(
    database: Database[Document], clock: HandClock, schedules: ScheduleStore
) -> None:
    put(schedules)
    emitter_of(database, "redis://127.0.0.1:1", clock).run_once(NAME)
    (job,) = database[JOBS].find()
    assert job["open"] is True


@pytest.mark.parametrize("fields", [{"cron": "never"}, {"timezone": "Moon/Base"}])
def test_a_schedule_that_cannot_be_read_harms_no_other(
    emitter: TickEmitter, schedules: ScheduleStore, database: Database[Document], fields: dict[str, str]
) -> None:
    put(schedules, **fields)
    put(schedules, name="other")
    assert emitter.run_once(NAME) == []
    assert len(emitter.run_once("other")) == 1


def test_a_schedule_of_an_unknown_job_type_says_so_in_its_row(
    emitter: TickEmitter, schedules: ScheduleStore, database: Database[Document]
) -> None:
    put(schedules, job_type="unknown")
    emitter.run_once(NAME)
    (row,) = database[TICKS].find()
    assert row["outcome"] == "skipped"
    assert "unknown job type" in row["reason"]
    assert emitter.emit_decided() == 0


def test_a_schedule_may_run_any_job_type_with_data_of_its_own(
    emitter: TickEmitter, schedules: ScheduleStore, database: Database[Document]
) -> None:
    data = {"integrationId": "5f0000000000000000000001", "workspaceId": "w1"}
    put(schedules, name="nightly", job_type="integration-sync", data=data)
    emitter.run_once("nightly")
    (job,) = database[JOBS].find()
    assert (job["jobType"], job["workspaceId"]) == ("integration-sync", "w1")


def test_an_unreadable_document_is_left_out(database: Database[Document], schedules: ScheduleStore) -> None:
    put(schedules)
    database[SCHEDULES].insert_one({"_id": "broken", "cron": 5})
    assert [schedule.name for schedule in schedules.all()] == [NAME]
    assert schedules.get("broken") is None


def test_restoring_schedules_twice_changes_nothing(schedules: ScheduleStore) -> None:

    assert schedules.restore(DEFAULT_SCHEDULES) == ["health-check", "scheduled-messages"]
    schedules.put(Schedule(name=NAME, job_type=NAME, cron="*/2 * * * *", enabled=False))
    assert schedules.restore(DEFAULT_SCHEDULES) == []
    kept = schedules.get(NAME)
    assert kept is not None
    assert (kept.cron, kept.enabled) == ("*/2 * * * *", False)
