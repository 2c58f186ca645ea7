"""What the dashboard reads of MongoDB itself: lists, outcomes of leads, messages; and running a schedule now."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database

from libs.common.broker.model import Added, NewJob
from libs.common.jobs.states import LedgerStatus
from libs.common.ledger.model import Ending, NewEntry
from libs.common.ledger.mongo import MongoLedger
from libs.common.stores.collections import JOBS, JOBS_BY_TYPE, LEADS, LINES, LISTS_OF_WORKSPACE, MESSAGES
from libs.common.stores.message_search import MessageSearch, Shelf
from libs.common.stores.mongo import Document
from libs.common.stores.schedules import Schedule
from services.gateway.dashboard.history import ListHistory
from services.gateway.dashboard.outcomes import OutcomeReader
from services.gateway.schedule_runs import ScheduleRuns
from tests.integration.ledger.factories import create_jobs
from tests.integration.messaging.plans import indexes_used, watched
from tests.unit.ledger.fakes import FakeClock

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=9)


@pytest.fixture
def database(mongo_database: Database[Document]) -> Database[Document]:
    create_jobs(mongo_database)
    return mongo_database


def a_run(
    database: Database[Document], job_id: str, leads: Sequence[ObjectId], *, minutes: int = 0, ws: str = "w1"
) -> None:
    MongoLedger(database).accept(
        NewEntry(
            job_id=job_id,
            job_type="bulk-availability-check",
            queue="bulk-availability",
            data={"leadIds": [str(lead) for lead in leads], "userId": "u1", "workspaceId": ws},
            workspace_id=ws,
            created_at=NOW + timedelta(minutes=minutes),
        )
    )


def leads_of(database: Database[Document], *answers: Document | None, ws: str = "w1") -> list[ObjectId]:
    documents: list[Document] = [
        {"_id": ObjectId(), "workspaceId": ws, "firstName": f"L{number}"} | ({"availability": answer} if answer else {})
        for number, answer in enumerate(answers)
    ]
    database[LEADS].insert_many(documents)
    return [document["_id"] for document in documents]


def answer(status: str, run_id: str, at: datetime = NOW, **told: Any) -> Document:
    return {"status": status, "runId": run_id, "checkedAt": at, **told}


def test_runs_over_lists_are_found_latest_first_and_page_by_page(database: Database[Document]) -> None:
    for number in range(3):
        a_run(database, f"r{number}", leads_of(database, None), minutes=number)
    a_run(database, "theirs", leads_of(database, None), minutes=9, ws="w2")
    MongoLedger(database).finish(
        Ending(job_id="r1", status=LedgerStatus.COMPLETED, finished_at=NOW, result={"available": 1, "seconds": 0.5})
    )
    history = ListHistory(database)

    first, cursor = history.runs("w1", limit=2)
    assert cursor is not None
    second, end = history.runs("w1", cursor=cursor, limit=2)
    of_all, _ = history.runs(None, limit=1)

    assert [run.job.job_id for run in (*first, *second)] == ["r2", "r1", "r0"]
    assert end is None
    assert [run.job.job_id for run in of_all] == ["theirs"]
    assert first[1].counts == {"available": 1}
    assert (first[0].leads, first[0].user_id) == (1, "u1")


@pytest.mark.parametrize("workspace", ["w1", None])
def test_runs_of_one_moment_are_each_on_one_page(database: Database[Document], workspace: str | None) -> None:
    for name in ("r0", "r1", "r2", "r3"):
        a_run(database, name, leads_of(database, None))
    history = ListHistory(database)

    first, cursor = history.runs(workspace, limit=2)
    assert cursor is not None
    second, end = history.runs(workspace, cursor=cursor, limit=2)

    assert [run.job.job_id for run in (*first, *second)] == ["r3", "r2", "r1", "r0"]
    assert end is None


@pytest.mark.parametrize(("workspace", "index"), [("w1", LISTS_OF_WORKSPACE), (None, JOBS_BY_TYPE)])
def test_looking_for_runs_reads_no_other_jobs(
    database: Database[Document], mongo_uri: str, workspace: str | None, index: str
) -> None:
    a_run(database, "r1", leads_of(database, None))
    a_run(database, "r2", leads_of(database, None))
    others = [{"_id": f"other-{n}", "jobType": "x", "workspaceId": "w1", "createdAt": NOW} for n in range(50)]
    database[JOBS].insert_many(others)

    with watched(mongo_uri) as (seen, commands):
        found, _ = ListHistory(seen).runs(workspace, limit=1)

    assert [run.job.job_id for run in found] == ["r2"]
    page = next(command for command in commands if "aggregate" in command)
    assert indexes_used(database, page) == {index}


def test_each_lead_of_a_run_has_its_outcome(database: Database[Document]) -> None:
    leads = leads_of(
        database,
        answer("available", "r1", service="iMessage", handle="+12125550123"),
        answer("unknown", "r1", reason="no_line"),
        answer("available", "older", LONG_AGO),
        answer("available", "newer", NOW + timedelta(hours=1)),
        None,
    )
    (stranger,) = leads_of(database, answer("available", "r1"), ws="w2")
    a_run(database, "r1", [*leads, stranger])
    history = ListHistory(database)
    run = history.run("r1")
    assert run is not None

    outcomes = [lead.outcome for lead in OutcomeReader(database, history).every(run.job)]

    assert outcomes == ["available", "unknown", "open", "later", "open", "missing"]


def test_leads_of_one_outcome_are_paged(database: Database[Document]) -> None:
    leads = leads_of(database, *(answer("unknown" if n % 2 else "available", "r1") for n in range(10)))
    a_run(database, "r1", leads)
    history = ListHistory(database)
    run = history.run("r1")
    assert run is not None
    reader = OutcomeReader(database, history)

    first, behind = reader.page(run.job, outcome="unknown", limit=3)
    assert behind is not None
    second, end = reader.page(run.job, outcome="unknown", start=behind, limit=3)

    assert [lead.lead_id for lead in (*first, *second)] == [str(lead) for lead in leads[1::2]]
    assert end is None


def test_a_run_that_is_none_is_not_found(database: Database[Document]) -> None:
    database[JOBS].insert_one({"_id": "sync", "jobType": "integration-sync", "queue": "q", "status": "accepted"})

    assert ListHistory(database).run("sync") is None
    assert ListHistory(database).run("nothing") is None


def a_message(database: Database[Document], status: str, *, ws: str = "w1", **told: Any) -> str:
    document = {"workspaceId": ws, "to": "+12125550123", "text": "Hi", "status": status, "createdAt": NOW, **told}
    return str(database[MESSAGES].insert_one(document).inserted_id)


def test_messages_are_found_by_where_they_are(database: Database[Document]) -> None:
    uncertain = a_message(database, "uncertain", updatedAt=NOW)
    failed = a_message(database, "failed", updatedAt=NOW)
    theirs = a_message(database, "failed", ws="w2", updatedAt=NOW - timedelta(minutes=1))
    queued = a_message(database, "queued")
    sent = a_message(database, "sent", dispatchedAt=NOW)
    search = MessageSearch(database)

    def found(shelf: Shelf, workspace: str | None) -> list[str]:
        return [message.message_id for message in search.on(shelf, workspace, limit=10)]

    assert found(Shelf.UNCERTAIN, "w1") == [uncertain]
    assert found(Shelf.FAILED, None) == [failed, theirs]
    assert found(Shelf.FAILED, "w2") == [theirs]
    assert found(Shelf.WAITING, None) == [queued]
    assert found(Shelf.LATEST, None) == [sent, queued, theirs, failed, uncertain]
    assert found(Shelf.LATEST, "w1") == [sent]


def test_what_waits_comes_the_latest_first_whether_it_is_being_sent_or_not(database: Database[Document]) -> None:
    ids = [a_message(database, status) for status in ("sending", "queued", "sending", "queued", "sending")]

    found = MessageSearch(database).on(Shelf.WAITING, None, limit=4)

    assert [message.message_id for message in found] == ids[:0:-1]


def test_messages_are_found_by_their_recipient_in_the_workspaces_that_have_lines(database: Database[Document]) -> None:
    database[LINES].insert_many([{"workspaceId": "w1"}, {"workspaceId": "w1"}, {"workspaceId": "w2"}])
    older = a_message(database, "sent", createdAt=LONG_AGO, providerMessageId="p1")
    newer = a_message(database, "sent", ws="w2", providerMessageId="p2")
    a_message(database, "sent", to="+12125550199", providerMessageId="p3")
    search = MessageSearch(database)

    assert [each.message_id for each in search.to(["+12125550123"], None, limit=9)] == [newer, older]
    assert [each.message_id for each in search.to(["+12125550123"], "w1", limit=9)] == [older]


def test_what_is_kept_of_a_message_is_told(database: Database[Document]) -> None:
    message_id = a_message(database, "delivered", deliveredAt=NOW, resolvedBy="admin-1", resolvedAt=LONG_AGO)
    search = MessageSearch(database)

    record = search.record(message_id)

    assert record is not None
    assert (record.delivered_at, record.resolved_by, record.resolved_at) == (NOW, "admin-1", LONG_AGO)
    assert search.record(str(ObjectId())) is None
    assert search.record("no id") is None


class _Queue:
    def __init__(self) -> None:
        self.jobs: list[NewJob] = []

    def add(self, jobs: Sequence[NewJob]) -> list[Added]:
        self.jobs += jobs
        return [Added(job_id=job.job_id, created=True) for job in jobs]


def test_a_schedule_that_is_run_now_is_one_job_in_ledger_and_queue(database: Database[Document]) -> None:
    ledger, queue, clock = MongoLedger(database), _Queue(), FakeClock(NOW)
    runs = ScheduleRuns(ledger, {"health-check": queue}, clock=clock)
    schedule = Schedule(name="health-check", job_type="health-check", cron="*/5 * * * *")

    first = runs.run(schedule)
    twice = runs.run(schedule)

    assert first == twice
    assert [job.job_id for job in queue.jobs] == [first]
    assert ledger.data_of(first) == {"schedule": "health-check", "tick": NOW.isoformat()}
