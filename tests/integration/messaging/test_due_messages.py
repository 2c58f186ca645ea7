"""What needs a job: found in order, in batches, by the index made for it, and queued once."""

from datetime import timedelta

import msgspec
import pytest
from bson import ObjectId
from pymongo.database import Database

from libs.common.stores.collections import MESSAGES
from libs.common.stores.due_messages import DueMessageStore
from libs.common.stores.mongo import Document
from tests.integration.messaging.factories import ago, insert_message, now, stored
from tests.integration.messaging.plans import indexes_used, watched


@pytest.fixture
def due(database: Database[Document]) -> DueMessageStore:
    return DueMessageStore(database)


def ids(messages: object) -> list[str]:
    return [message.message_id for message in messages]  # type: ignore[attr-defined]  # any sequence of JobLess


def test_what_is_due_is_found_oldest_first(due: DueMessageStore, database: Database[Document]) -> None:
    second = insert_message(database, status="scheduled", scheduledAt=ago(1))
    first = insert_message(database, status="scheduled", scheduledAt=ago(2))
    insert_message(database, status="scheduled", scheduledAt=ago(-60))
    insert_message(database, status="draft", scheduledAt=ago(1))
    insert_message(database, status="scheduled")
    assert ids(due.due(now(), limit=10)) == [first, second]
    assert ids(due.due(now(), limit=1)) == [first]


def test_what_is_queued_is_no_longer_due(due: DueMessageStore, database: Database[Document]) -> None:
    message_id = insert_message(database, status="scheduled", scheduledAt=ago(1))
    found = due.due(now(), limit=10)
    assert due.queue(found, now=now()) == 1
    assert stored(database, message_id)["status"] == "queued"
    assert due.due(now(), limit=10) == []
    assert due.queue(found, now=now()) == 0


@pytest.mark.parametrize(
    "meanwhile", [{"status": "cancelled"}, {"status": "sent"}, {"scheduledAt": ago(-3600)}, {"status": "draft"}]
)
def test_what_was_changed_meanwhile_is_not_queued(
    due: DueMessageStore, database: Database[Document], meanwhile: Document
) -> None:
    message_id = insert_message(database, status="scheduled", scheduledAt=ago(1))
    found = due.due(now(), limit=10)
    database[MESSAGES].update_one({"_id": ObjectId(message_id)}, {"$set": meanwhile})
    assert due.queue(found, now=now()) == 0
    assert stored(database, message_id)["status"] != "queued"


def test_queued_messages_are_paged_by_id_and_fresh_ones_left_out(
    due: DueMessageStore, database: Database[Document]
) -> None:
    old = [insert_message(database, updatedAt=ago(60)) for _ in range(3)]
    insert_message(database)
    cutoff = now() - timedelta(seconds=30)
    first = due.queued(after=None, untouched_since=cutoff, limit=2)
    second = due.queued(after=first.after, untouched_since=cutoff, limit=2)
    assert ids(first.messages) + ids(second.messages) == old
    third = due.queued(after=second.after, untouched_since=cutoff, limit=2)
    assert (third.messages, third.after) == ([], None)


def test_messages_that_nobody_sends_are_found(due: DueMessageStore, database: Database[Document]) -> None:
    left = insert_message(database, status="sending", lease={"owner": "dead", "expiresAt": ago(60)})
    insert_message(database, status="sending", lease={"owner": "alive", "expiresAt": ago(-60)})
    assert ids(due.left_in_hand(lease_ended_before=ago(30), limit=10)) == [left]


def test_every_question_is_answered_by_its_index(mongo_uri: str, database: Database[Document]) -> None:
    for n in range(300):
        insert_message(database, status="sent", scheduledAt=ago(n), dispatchedAt=ago(n), updatedAt=ago(n))
    insert_message(database, status="scheduled", scheduledAt=ago(1))
    with watched(mongo_uri) as (seen, commands):
        due = DueMessageStore(seen)
        found = due.due(now(), limit=10)
        due.queue(found, now=now())
        due.queued(after=str(ObjectId()), untouched_since=now(), limit=10)
        due.left_in_hand(lease_ended_before=now(), limit=10)
    used = [indexes_used(database, c) for c in commands if c.keys() & {"find", "update", "findAndModify"}]
    assert used == [{"due"}, {"_id_"}, {"queued"}, {"sending"}]


def test_a_batch_is_queued_without_a_look_at_everything_else_that_is_due(
    mongo_uri: str, database: Database[Document]
) -> None:
    """Which index MongoDB would take by itself depends on how much is due; with much of it, it was the wrong one."""
    insert_message(database, status="scheduled", scheduledAt=ago(1))
    with watched(mongo_uri) as (seen, commands):
        due = DueMessageStore(seen)
        assert due.queue(due.due(now(), limit=10), now=now()) == 1
    (update,) = [command for command in commands if "update" in command]
    assert [one["hint"] for one in msgspec.convert(update["updates"], list[Document])] == ["_id_"]
