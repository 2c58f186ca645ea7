"""The ledger on a real MongoDB."""

import threading
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from pymongo.database import Database

from libs.common.broker.model import JobOptions
from libs.common.errors import PayloadTooLarge, StoreUnavailable
from libs.common.jobs.states import LedgerStatus
from libs.common.ledger.model import Accepted, Ending, OpenJob, Reopening
from libs.common.ledger.mongo import MongoLedger
from libs.common.settings import Secret, Settings
from libs.common.stores.collections import JOBS
from libs.common.stores.mongo import Document, connect_mongo
from tests.integration.ledger.factories import NOW, completed, sync_entry


def test_an_accepted_job_is_stored_as_the_design_names_it(ledger: MongoLedger, database: Database[Document]) -> None:
    entry = sync_entry(unique_key="integration-sync:i1", options=JobOptions(delay_ms=5_000))

    ledger.accept(entry)

    assert database[JOBS].find_one({"_id": entry.job_id}) == {
        "_id": entry.job_id,
        "jobType": "integration-sync",
        "queue": "integration-sync",
        "data": dict(entry.data),
        "options": {"delayMs": 5_000},
        "status": "accepted",
        "workspaceId": "w1",
        "createdAt": NOW,
        "open": True,
        "uniqueKey": "integration-sync:i1",
    }


def test_an_entry_reads_back_as_it_was_accepted(ledger: MongoLedger) -> None:
    trace = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
    entry = msgspec.structs.replace(sync_entry(unique_key="k", options=JobOptions(priority=3)), trace=trace)

    accepted = ledger.accept(entry)

    assert accepted.created
    assert ledger.get(entry.job_id) == accepted.entry
    assert accepted.entry.trace == trace
    assert ledger.data_of(entry.job_id) == entry.data


def test_an_unknown_job_is_none(ledger: MongoLedger) -> None:
    assert ledger.get("nobody") is None
    assert ledger.data_of("nobody") is None


def test_a_known_id_answers_the_entry_that_is_there(ledger: MongoLedger) -> None:
    first = sync_entry(job_id="same", created_at=NOW)
    second = sync_entry(job_id="same", created_at=NOW + timedelta(hours=1), data={"other": True})

    ledger.accept(first)
    met = ledger.accept(second)

    assert not met.created
    assert met.entry.created_at == NOW
    assert ledger.data_of("same") == first.data


def test_an_ended_job_still_answers_for_its_id(ledger: MongoLedger) -> None:
    ledger.accept(sync_entry(job_id="same"))
    ledger.finish(completed("same", {"n": 1}))

    met = ledger.accept(sync_entry(job_id="same"))

    assert not met.created
    assert met.entry.result == {"n": 1}


def test_a_unique_key_that_an_unfinished_job_holds_answers_that_job(ledger: MongoLedger) -> None:
    first = ledger.accept(sync_entry(unique_key="k"))
    second = ledger.accept(sync_entry(unique_key="k"))

    assert (second.created, second.entry.job_id) == (False, first.entry.job_id)


def test_a_unique_key_is_free_again_when_its_job_has_ended(ledger: MongoLedger) -> None:
    first = ledger.accept(sync_entry(unique_key="k"))
    ledger.finish(completed(first.entry.job_id))

    assert ledger.accept(sync_entry(unique_key="k")).created


def test_jobs_without_a_unique_key_do_not_meet(ledger: MongoLedger) -> None:
    assert [ledger.accept(sync_entry()).created for _ in range(3)] == [True, True, True]


def test_of_many_requests_at_once_one_is_accepted_and_the_others_meet_it(ledger: MongoLedger) -> None:
    answers: list[Accepted] = []
    threads = [
        threading.Thread(target=lambda: answers.append(ledger.accept(sync_entry(unique_key="k")))) for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(answer.created for answer in answers) == 1
    assert len({answer.entry.job_id for answer in answers}) == 1


def test_many_jobs_are_answered_one_by_one_in_their_order(ledger: MongoLedger) -> None:
    there = ledger.accept(sync_entry(unique_key="taken")).entry.job_id
    entries = [
        sync_entry(job_id="a"),
        sync_entry(unique_key="taken"),
        sync_entry(job_id="b", unique_key="new"),
        sync_entry(unique_key="new"),
        sync_entry(job_id="a"),
    ]

    answers = ledger.accept_many(entries)

    assert [(answer.entry.job_id, answer.created) for answer in answers] == [
        ("a", True),
        (there, False),
        ("b", True),
        ("b", False),
        ("a", False),
    ]


def test_a_key_whose_job_ends_between_the_refusal_and_the_look_is_taken_anew(
    ledger: MongoLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ledger.accept(sync_entry(unique_key="k")).entry.job_id
    insert = MongoLedger._insert

    def insert_then_end(self: MongoLedger, entries: Any) -> set[int]:
        refused = insert(self, entries)
        ledger.finish(completed(first))
        return refused

    monkeypatch.setattr(MongoLedger, "_insert", insert_then_end)

    assert ledger.accept(sync_entry(unique_key="k")).created


def test_a_job_ends_once(ledger: MongoLedger, database: Database[Document]) -> None:
    job_id = ledger.accept(sync_entry(unique_key="k")).entry.job_id
    failed = Ending(job_id=job_id, status=LedgerStatus.FAILED, finished_at=NOW, error="no such integration")

    assert ledger.finish(failed)
    assert not ledger.finish(completed(job_id, {"late": True}))

    entry = ledger.get(job_id)
    assert entry is not None
    assert (entry.status, entry.error, entry.result, entry.finished_at) == (
        LedgerStatus.FAILED,
        "no such integration",
        None,
        NOW,
    )
    assert "open" not in (database[JOBS].find_one({"_id": job_id}) or {})


def test_a_job_that_came_to_its_end_although_it_was_cancelled_has_ended_so(ledger: MongoLedger) -> None:
    done, dead, stopped = sync_entry(), sync_entry(), sync_entry()
    for entry in (done, dead, stopped):
        ledger.accept(entry)
        assert ledger.finish(Ending(job_id=entry.job_id, status=LedgerStatus.CANCELLED, finished_at=NOW))

    assert ledger.finish(completed(done.job_id, {"n": 1}))
    assert ledger.finish(failed(dead.job_id))
    assert not ledger.finish(Ending(job_id=done.job_id, status=LedgerStatus.CANCELLED, finished_at=NOW))

    found = [ledger.get(entry.job_id) for entry in (done, dead, stopped)]
    assert [entry.status for entry in found if entry] == ["completed", "failed", "cancelled"]


def test_many_jobs_end_in_one_call(ledger: MongoLedger) -> None:
    ids = [answer.entry.job_id for answer in ledger.accept_many([sync_entry() for _ in range(5)])]
    ledger.finish(completed(ids[0]))

    assert ledger.finish_many([completed(job_id, {"n": 1}) for job_id in [*ids, "unknown"]]) == 4
    assert ledger.finish_many([]) == 0
    assert ledger.open_entries(ids) == []


def test_open_jobs_come_in_pages_by_id_and_only_those_old_enough(ledger: MongoLedger) -> None:
    ledger.accept_many([sync_entry(job_id=f"j{n}", created_at=NOW + timedelta(seconds=n)) for n in range(6)])
    ledger.finish(completed("j2"))

    pages = []
    after_id = ""
    while page := ledger.open_jobs(after_id=after_id, limit=2, older_than=NOW + timedelta(seconds=5)):
        pages.append([entry.job_id for entry in page])
        after_id = page[-1].job_id

    assert pages == [["j0", "j1"], ["j3", "j4"]]
    assert ledger.open_jobs(after_id="", limit=100) == [
        OpenJob(job_id=f"j{n}", queue="integration-sync") for n in (0, 1, 3, 4, 5)
    ]


def test_entries_of_open_jobs_are_whole_but_for_their_payloads(ledger: MongoLedger) -> None:
    ledger.accept_many([sync_entry(job_id=f"j{n}", unique_key=f"k{n}") for n in (2, 1, 0)])
    ledger.finish(completed("j1"))

    assert ledger.open_entries(["j2", "j1", "j0", "nobody"]) == [ledger.get("j0"), ledger.get("j2")]


def test_the_search_for_open_jobs_looks_only_at_open_jobs(ledger: MongoLedger, database: Database[Document]) -> None:
    ledger.accept_many([sync_entry(job_id=f"done{n:04}") for n in range(500)])
    ledger.finish_many([completed(f"done{n:04}") for n in range(500)])
    ledger.accept_many([sync_entry(job_id=f"open{n:04}") for n in range(20)])

    plan = _explained(database, {"open": True, "_id": {"$gt": ""}, "createdAt": {"$lt": NOW + timedelta(1)}}, limit=10)

    assert plan["index"] == "open"
    assert plan["examined"] <= 11


def test_the_holder_of_a_unique_key_is_found_by_its_index(ledger: MongoLedger, database: Database[Document]) -> None:
    ledger.accept_many([sync_entry(unique_key=f"k{n}") for n in range(200)])

    plan = _explained(database, {"open": True, "uniqueKey": {"$in": ["k7"]}}, limit=0)

    assert plan["index"] == "one_open_per_unique_key"
    assert plan["examined"] <= 2


def test_a_payload_that_fits_no_document_is_refused_by_name(ledger: MongoLedger) -> None:
    with pytest.raises(PayloadTooLarge) as caught:
        ledger.accept(sync_entry(data={"text": "x" * (17 * 1024 * 1024)}))

    assert caught.value.field == "data"


def test_mongodb_away_is_said_as_such_without_its_password() -> None:
    database = connect_mongo(
        Settings(mongodb_uri=Secret("mongodb://me:secret@127.0.0.1:9/tuco?serverSelectionTimeoutMS=100")),
        service="tests",
    )

    with pytest.raises(StoreUnavailable) as caught:
        MongoLedger(database).accept(sync_entry())

    assert caught.value.store == "mongodb"
    assert "secret" not in str(caught.value)
    assert "Topology" not in str(caught.value)


def _explained(database: Database[Document], query: Document, *, limit: int) -> dict[str, Any]:
    found = database[JOBS].find(query).sort("_id", 1).limit(limit) if limit else database[JOBS].find(query)
    explained = found.explain()
    stage = explained["queryPlanner"]["winningPlan"]
    while "indexName" not in stage:
        stage = stage["inputStage"]
    return {"index": stage["indexName"], "examined": explained["executionStats"]["totalKeysExamined"]}


def failed(job_id: str) -> Ending:
    return Ending(job_id=job_id, status=LedgerStatus.FAILED, finished_at=NOW, error="boom")


def test_a_failed_job_is_owed_again_without_its_end_and_its_delay(ledger: MongoLedger) -> None:
    entry = sync_entry(options=JobOptions(delay_ms=60_000, priority=2))
    ledger.accept(entry)
    ledger.finish(failed(entry.job_id))

    assert ledger.reopen(entry.job_id) is Reopening.OPEN

    found = ledger.get(entry.job_id)
    assert found is not None
    assert (found.is_open, found.error, found.finished_at) == (True, None, None)
    assert found.options == JobOptions(priority=2)
    assert ledger.open_entries([entry.job_id]) == [found]
    assert ledger.reopen(entry.job_id) is Reopening.OPEN


def test_what_completed_was_cancelled_or_is_unknown_is_not_owed_again(ledger: MongoLedger) -> None:
    done, cancelled = sync_entry(), sync_entry()
    ledger.accept_many([done, cancelled])
    ledger.finish(completed(done.job_id))
    ledger.finish(Ending(job_id=cancelled.job_id, status=LedgerStatus.CANCELLED, finished_at=NOW))

    answers = ledger.reopen_many([done.job_id, cancelled.job_id, "nobody"])

    assert answers == {
        done.job_id: Reopening.REFUSED,
        cancelled.job_id: Reopening.REFUSED,
        "nobody": Reopening.UNKNOWN,
    }


def test_a_unique_key_is_not_taken_from_the_job_that_holds_it(ledger: MongoLedger) -> None:
    first, second, other = sync_entry(unique_key="k"), sync_entry(unique_key="k"), sync_entry()
    ledger.accept(first)
    ledger.finish(failed(first.job_id))
    ledger.accept_many([second, other])
    ledger.finish(failed(other.job_id))

    answers = ledger.reopen_many([first.job_id, other.job_id])

    assert answers == {first.job_id: Reopening.HELD, other.job_id: Reopening.OPEN}
    assert ledger.open_entries([first.job_id]) == []


def test_accepting_nothing_accepts_nothing(ledger: MongoLedger) -> None:
    assert ledger.accept_many([]) == []
