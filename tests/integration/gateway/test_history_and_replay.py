"""The ledger's history and the replay of messages on a real MongoDB: what is found, by which index, what is queued."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database

from libs.common.jobs.message_replay import MessageFilter, MessageReplay, Replayed
from libs.common.jobs.states import LedgerStatus
from libs.common.ledger.history import HistoryQuery, MongoHistory
from libs.common.ledger.model import Ending
from libs.common.ledger.mongo import MongoLedger
from libs.common.stores.collections import MESSAGES
from libs.common.stores.message_indexes import MESSAGE_INDEXES
from libs.common.stores.message_replay import MessageReplayStore
from tests.integration.ledger.factories import create_jobs, sync_entry

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
Documents = Database[dict[str, Any]]


@pytest.fixture
def ledger(mongo_database: Documents) -> MongoLedger:
    create_jobs(mongo_database)
    return MongoLedger(mongo_database)


def pages(database: Documents, *, limit: int = 2, looked_at: int = 1_000, **asked: Any) -> list[list[str]]:
    history, found, cursor = MongoHistory(database, looked_at=looked_at), [], ""
    for _ in range(100):
        page = history.page(HistoryQuery(**asked), cursor=cursor, limit=limit)
        found.append([job.job_id for job in page.jobs])
        if page.cursor is None:
            return found
        cursor = page.cursor
    raise AssertionError("there is always another page")


def flat(found: list[list[str]]) -> list[str]:
    return [job_id for page in found for job_id in page]


def accept(ledger: MongoLedger, count: int) -> list[str]:
    """Jobs, the latest first; three of them at one moment."""
    ids = [f"job-{number}" for number in range(count)]
    ledger.accept_many(
        [sync_entry(job_id=ids[n], created_at=NOW + timedelta(minutes=max(0, n - 2))) for n in range(count)]
    )
    return ids[::-1]


@pytest.mark.parametrize("asked", [{}, {"workspace_id": "w1"}, {"queue": "integration-sync"}])
@pytest.mark.parametrize("limit", [1, 2, 100])
def test_history_comes_latest_first_each_job_once(
    mongo_database: Documents, ledger: MongoLedger, asked: dict[str, Any], limit: int
) -> None:
    ids = accept(ledger, 6)

    assert flat(pages(mongo_database, limit=limit, **asked)) == ids


def test_history_is_filtered(mongo_database: Documents, ledger: MongoLedger) -> None:
    ids = accept(ledger, 6)
    ledger.finish(Ending(job_id=ids[1], status=LedgerStatus.FAILED, finished_at=NOW, error="Permanent: BOOM (x)"))
    ledger.finish(Ending(job_id=ids[4], status=LedgerStatus.CANCELLED, finished_at=NOW))

    assert flat(pages(mongo_database, status=LedgerStatus.FAILED)) == [ids[1]]
    assert flat(pages(mongo_database, status=LedgerStatus.FAILED, error="boom (")) == [ids[1]]
    assert flat(pages(mongo_database, status=LedgerStatus.FAILED, error="boom.")) == []
    assert flat(pages(mongo_database, status=LedgerStatus.CANCELLED, workspace_id="w1")) == [ids[4]]
    assert flat(pages(mongo_database, workspace_id="w2")) == []
    assert flat(pages(mongo_database, queue="health-check")) == []
    assert flat(pages(mongo_database, created_after=NOW + timedelta(minutes=2))) == ids[:1]


def test_a_page_looks_at_a_bounded_number_and_the_next_goes_on(mongo_database: Documents, ledger: MongoLedger) -> None:
    ids = accept(ledger, 7)
    ledger.finish(Ending(job_id=ids[6], status=LedgerStatus.CANCELLED, finished_at=NOW))

    found = pages(mongo_database, looked_at=3, status=LedgerStatus.CANCELLED)

    assert found == [[], [], [ids[6]]]


def message(database: Documents, status: str, **fields: Any) -> str:
    document = {"workspaceId": "w1", "to": "+1", "text": "t", "status": status, "updatedAt": NOW, **fields}
    return str(database[MESSAGES].insert_one(document).inserted_id)


@pytest.fixture
def messages(mongo_database: Documents) -> MessageReplayStore:
    mongo_database[MESSAGES].create_indexes(list(MESSAGE_INDEXES))
    return MessageReplayStore(mongo_database)


def order(workspace: str = "w1", **which: Any) -> MessageReplay:
    return MessageReplay(workspace_id=workspace, filter=MessageFilter(**which), as_of=NOW)


def test_only_what_never_went_out_is_queued_again_and_is_still_known_to_its_provider(
    mongo_database: Documents, messages: MessageReplayStore
) -> None:
    mine = message(mongo_database, "failed", error="Line is DOWN", clientReference="tuco-x", attempts=3, reason="r")
    message(mongo_database, "failed", error="line is down", dispatchedAt=NOW)
    message(mongo_database, "failed", error="line is down", lineId="l", providerMessageId="p1", sentAt=NOW)
    message(mongo_database, "failed", error="line is down", workspaceId="w2")
    message(mongo_database, "failed", error="line is down", updatedAt=NOW + timedelta(seconds=1))
    message(mongo_database, "failed", error="other")
    message(mongo_database, "cancelled", error="line is down")
    message(mongo_database, "sent", error="line is down")

    found = messages.count(order(error="line is down"), sample=5)
    page = messages.page(order(error="line is down"), after="", limit=10)
    queued = messages.queue_again(order(error="line is down"), page, by="job")

    assert (found.count, found.exact, found.left_out, found.sample) == (1, True, 2, [mine])
    assert page == queued == [mine]
    stored = mongo_database[MESSAGES].find_one({"_id": ObjectId(mine)}) or {}
    assert (stored["status"], stored["clientReference"], stored["attempts"]) == ("queued", "tuco-x", 3)
    assert stored["replayedBy"] == "job"
    assert not {"error", "reason"} & set(stored)
    assert messages.page(order(error="line is down"), after="", limit=10) == []


def test_one_that_was_sent_meanwhile_is_left_alone(mongo_database: Documents, messages: MessageReplayStore) -> None:
    mine = message(mongo_database, "cancelled")
    mongo_database[MESSAGES].update_one({"_id": ObjectId(mine)}, {"$set": {"status": "sent"}})

    assert messages.queue_again(order(status=Replayed.CANCELLED), [mine], by="job") == []


def test_one_that_failed_anew_meanwhile_is_not_queued_once_more(
    mongo_database: Documents, messages: MessageReplayStore
) -> None:
    ids = [message(mongo_database, "failed", error="line is down") for _ in range(3)]
    which = order(error="line is down")
    page = messages.page(which, after="", limit=10)
    for changed, anew in ((ids[0], {"updatedAt": NOW + timedelta(seconds=1)}), (ids[1], {"error": "no such number"})):
        mongo_database[MESSAGES].update_one({"_id": ObjectId(changed)}, {"$set": anew})

    assert page == ids
    assert messages.queue_again(which, page, by="job") == ids[2:]


def test_what_an_attempt_queued_before_it_died_is_enqueued_by_the_next(
    mongo_database: Documents, messages: MessageReplayStore
) -> None:
    mine = message(mongo_database, "cancelled")
    which = order(status=Replayed.CANCELLED)

    assert messages.queue_again(which, [mine], by="job") == [mine]
    assert messages.queue_again(which, [mine], by="job") == [mine]
    assert messages.queue_again(which, [mine], by="another") == []
