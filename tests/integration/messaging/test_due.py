"""A tick against real stores: everything due is enqueued once, and messages whose job is gone get another."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import redis
from bson import ObjectId
from pymongo.database import Database

from libs.common.broker.connection import connect_redis
from libs.common.broker.queue import JobQueue
from libs.common.clock import SystemClock
from libs.common.errors import StoreUnavailable
from libs.common.settings import Secret, Settings
from libs.common.stores.collections import MESSAGES
from libs.common.stores.due_messages import DueMessageStore
from libs.common.stores.messages import MessageStore
from libs.common.stores.mongo import Document
from services.messaging.due import MOST_LEFT_IN_HAND, DueMessages, TickReport
from tests.integration.messaging.factories import ago, insert_message, stored

QUEUE = "message-processing"


@pytest.fixture
def queue(redis_url: str) -> JobQueue:
    return JobQueue(connect_redis(Settings(redis_url=Secret(redis_url))), QUEUE)


@pytest.fixture
def due(database: Database[Document], queue: JobQueue) -> DueMessages:
    return DueMessages(DueMessageStore(database), queue, clock=SystemClock(), batch=10)


def waiting(queue: JobQueue) -> int:
    counts = queue.stats().counts
    return counts["waiting"] + counts["delayed"]


def scheduled(database: Database[Document], count: int, *, seconds_ago: float = 1, workspaces: int = 3) -> list[str]:
    return [
        insert_message(database, status="scheduled", scheduledAt=ago(seconds_ago), workspaceId=f"w{n % workspaces}")
        for n in range(count)
    ]


def test_everything_that_is_due_is_queued_and_has_a_job(
    due: DueMessages, database: Database[Document], queue: JobQueue
) -> None:
    ids = scheduled(database, 25)
    scheduled(database, 5, seconds_ago=-60)
    report = due.run_once("tick-1")
    assert (report.due, report.enqueued, report.finished) == (25, 25, True)
    assert {stored(database, message_id)["status"] for message_id in ids} == {"queued"}
    assert waiting(queue) == 25


def test_a_tick_that_runs_twice_adds_nothing(due: DueMessages, database: Database[Document], queue: JobQueue) -> None:
    scheduled(database, 7)
    due.run_once("tick-1")
    assert due.run_once("tick-1") == TickReport()
    assert due.run_once("tick-2") == TickReport()
    assert waiting(queue) == 7


def test_a_tick_that_died_before_the_queue_had_the_jobs_is_made_good(
    due: DueMessages, database: Database[Document], queue: JobQueue
) -> None:
    for message_id in scheduled(database, 3):
        fields = {"status": "queued", "updatedAt": ago(61)}
        database[MESSAGES].update_one({"_id": ObjectId(message_id)}, {"$set": fields})
    assert due.run_once("tick-2").requeued == 3
    assert waiting(queue) == 3


def test_jobs_that_redis_has_lost_are_made_anew(
    due: DueMessages, database: Database[Document], queue: JobQueue, redis_client: "redis.Redis"
) -> None:
    scheduled(database, 12)
    due.run_once("tick-1")
    redis_client.flushall()
    database[MESSAGES].update_many({}, {"$set": {"updatedAt": ago(120)}})
    assert due.run_once("tick-2").requeued == 12
    assert due.run_once("tick-3").requeued == 0
    assert waiting(queue) == 12


def test_a_message_that_nobody_sends_any_more_is_looked_after(
    due: DueMessages, database: Database[Document], queue: JobQueue
) -> None:
    insert_message(database, status="sending", lease={"owner": "dead", "expiresAt": ago(60)})
    insert_message(database, status="sending", lease={"owner": "alive", "expiresAt": ago(-60)})
    insert_message(database, status="queued")
    assert due.run_once("tick-1").requeued == 1


def let_an_attempt_die(database: Database[Document], message_id: str, tick: str) -> None:
    store = MessageStore(database)
    assert store.claim(message_id, "w1", owner=tick, job_id=f"job-{tick}", lease=timedelta(seconds=30))
    database[MESSAGES].update_one({"_id": ObjectId(message_id)}, {"$set": {"lease.expiresAt": ago(60)}})


@pytest.mark.parametrize(("fields", "status"), [({}, "failed"), ({"dispatchedAt": ago(60)}, "uncertain")])
def test_a_message_of_which_everything_dies_is_given_up(
    database: Database[Document], queue: JobQueue, redis_client: "redis.Redis", fields: Document, status: str
) -> None:
    due = DueMessages(DueMessageStore(database), queue, clock=SystemClock(), batch=10)
    poison = insert_message(database, **fields)
    for n in range(MOST_LEFT_IN_HAND):
        assert stored(database, poison)["status"] != status
        let_an_attempt_die(database, poison, f"tick-{n}")
        redis_client.flushall()
        assert due.run_once(f"tick-{n}").requeued == 1
    document = stored(database, poison)
    assert (document["status"], document["reason"]) == (status, "gave_up")
    assert "lease" not in document


def test_jobs_that_redis_loses_are_not_counted_as_deaths_of_a_message(
    due: DueMessages, database: Database[Document], redis_client: "redis.Redis"
) -> None:
    fields: Document = {"dispatchedAt": ago(60), "leftInHand": MOST_LEFT_IN_HAND - 2}
    left = insert_message(database, status="sending", lease={"owner": "dead", "expiresAt": ago(60)}, **fields)
    fields["leftInHand"] += 1
    parked = insert_message(database, status="sending", lease={"expiresAt": ago(60)}, **fields)
    for n in range(MOST_LEFT_IN_HAND + 1):
        assert due.run_once(f"tick-{n}").requeued == 2
        redis_client.flushall()
    assert {stored(database, message)["status"] for message in (left, parked)} == {"sending"}


def test_a_message_that_waits_for_its_moment_gets_a_job_for_that_moment(
    due: DueMessages, database: Database[Document], queue: JobQueue
) -> None:
    insert_message(database, updatedAt=ago(120), notBefore=ago(-3600))
    due.run_once("tick-1")
    assert queue.stats().counts["delayed"] == 1


def test_many_waiting_messages_are_looked_after_over_several_ticks(
    database: Database[Document], queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.messaging.due.MOST_LOOKED_AFTER", 4)
    monkeypatch.setattr("services.messaging.due._PAGE", 2)
    due = DueMessages(DueMessageStore(database), queue, clock=SystemClock(), batch=10)
    for _ in range(10):
        insert_message(database, updatedAt=ago(120))
    assert [due.run_once(f"tick-{n}").requeued for n in range(4)] == [4, 4, 2, 0]


def test_a_tick_leaves_what_it_has_no_time_for(database: Database[Document], queue: JobQueue) -> None:
    scheduled(database, 30)
    due = DueMessages(DueMessageStore(database), queue, clock=SystemClock(), batch=10, time_limit=timedelta(seconds=-1))
    report = due.run_once("tick-1")
    assert (report.due, report.finished) == (10, False)
    assert due.run_once("tick-2").due == 10


def test_two_ticks_at_once_add_every_job_once(database: Database[Document], queue: JobQueue) -> None:

    scheduled(database, 200)
    ticks = [DueMessages(DueMessageStore(database), queue, clock=SystemClock(), batch=20) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda n: ticks[n].run_once(f"tick-{n}"), range(4)))
    assert sum(report.due for report in reports) == 200
    assert waiting(queue) == 200


def test_redis_away_leaves_the_messages_to_a_later_tick(database: Database[Document], queue: JobQueue) -> None:
    ids = scheduled(database, 3)
    nowhere = JobQueue(connect_redis(Settings(redis_url=Secret("redis://127.0.0.1:1"))), QUEUE)
    with pytest.raises(StoreUnavailable):
        DueMessages(DueMessageStore(database), nowhere, clock=SystemClock(), batch=10).run_once("tick-1")
    assert {stored(database, message_id)["status"] for message_id in ids} == {"queued"}
    database[MESSAGES].update_many({}, {"$set": {"updatedAt": ago(61)}})
    later = DueMessages(DueMessageStore(database), queue, clock=SystemClock(), batch=10)
    assert later.run_once("tick-2").requeued == 3
