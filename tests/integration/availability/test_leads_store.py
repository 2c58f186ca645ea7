"""Reading leads and storing answers on a real MongoDB."""

from datetime import UTC, datetime

import pytest
from bson import ObjectId
from pymongo.database import Database

from libs.common.clock import SystemClock
from libs.common.handles import Service
from libs.common.stores.leads import AvailabilityStatus, LeadAnswer, LeadStore
from libs.common.stores.mongo import Document

W, RUN = "workspace-1", "run-1"


@pytest.fixture
def store(database: Database[Document]) -> LeadStore:
    return LeadStore(database, SystemClock())


def add(database: Database[Document], **fields: object) -> ObjectId:
    lead_id: ObjectId = database.leads.insert_one({"workspaceId": W, **fields}).inserted_id
    return lead_id


def answer(
    lead_id: ObjectId, status: AvailabilityStatus = AvailabilityStatus.AVAILABLE, **fields: object
) -> LeadAnswer:
    return LeadAnswer(lead_id=lead_id, status=status, **fields)  # type: ignore[arg-type]  # names are those of the type


@pytest.mark.parametrize(
    ("stored", "phone"),
    [
        ("+12125550123", "+12125550123"),
        ("  212 555 0123 ", "212 555 0123"),
        (12125550123, "12125550123"),
        (12125550123.0, "12125550123"),
        ("", None),
        ("   ", None),
        (None, None),
        (["+1"], "['+1']"),
        ({"mobile": "1"}, "{'mobile': '1'}"),
    ],
)
def test_a_contact_is_read_whatever_it_is_stored_as(
    database: Database[Document], store: LeadStore, stored: object, phone: str | None
) -> None:
    lead_id = add(database, phone=stored)
    (contact,) = store.contacts(W, [lead_id], run_id=RUN)
    assert (contact.phone, contact.email, contact.answer) == (phone, None, None)


def test_only_the_workspaces_leads_are_read(database: Database[Document], store: LeadStore) -> None:
    own, foreign = add(database), add(database, workspaceId="workspace-2")
    assert [contact.lead_id for contact in store.contacts(W, [own, foreign, ObjectId()], run_id=RUN)] == [own]


def test_an_answer_is_stored_in_the_agreed_form(database: Database[Document], store: LeadStore) -> None:
    lead_id, line_id = add(database, firstName="Ann"), ObjectId()
    given = answer(lead_id, service=Service.IMESSAGE, handle="+12125550123", line_id=str(line_id))
    store.store_answers(W, [given], run_id=RUN)
    lead = database.leads.find_one({"_id": lead_id})
    assert lead is not None
    checked_at = lead["availability"].pop("checkedAt")
    assert abs((datetime.now(UTC) - checked_at).total_seconds()) < 10
    assert lead["availability"] == {
        "status": "available",
        "service": "iMessage",
        "handle": "+12125550123",
        "lineId": line_id,
        "runId": RUN,
    }
    assert lead["firstName"] == "Ann"
    assert store.contacts(W, [lead_id], run_id=RUN)[0].answer == given
    assert store.contacts(W, [lead_id], run_id="another run")[0].answer is None


def test_an_answer_stored_for_a_run_is_not_overwritten_by_it(database: Database[Document], store: LeadStore) -> None:
    lead_id = add(database)
    store.store_answers(W, [answer(lead_id)], run_id=RUN)
    store.store_answers(W, [answer(lead_id, AvailabilityStatus.UNKNOWN, reason="timeout")], run_id=RUN)
    assert store.contacts(W, [lead_id], run_id=RUN)[0].answer == answer(lead_id)


def test_a_later_run_overwrites_an_earlier_one(database: Database[Document], store: LeadStore) -> None:
    lead_id = add(database)
    store.store_answers(W, [answer(lead_id, AvailabilityStatus.UNKNOWN, reason="timeout")], run_id=RUN)
    store.store_answers(W, [answer(lead_id)], run_id="run-2")
    assert store.contacts(W, [lead_id], run_id="run-2")[0].answer == answer(lead_id)


def test_another_workspaces_lead_is_not_written(database: Database[Document], store: LeadStore) -> None:
    foreign = add(database, workspaceId="workspace-2")
    store.store_answers(W, [answer(foreign)], run_id=RUN)
    assert "availability" not in (database.leads.find_one({"_id": foreign}) or {})


def test_a_tally_counts_the_runs_answers_by_status_and_reason(database: Database[Document], store: LeadStore) -> None:
    ids = [add(database) for _ in range(6)]
    foreign = add(database, workspaceId="workspace-2")
    store.store_answers(W, [answer(ids[5])], run_id="earlier")
    store.store_answers(
        W,
        [
            answer(ids[0]),
            answer(ids[1]),
            answer(ids[2], AvailabilityStatus.INVALID, reason="no_contact"),
            answer(ids[3], AvailabilityStatus.UNKNOWN, reason="timeout"),
        ],
        run_id=RUN,
    )
    tally = store.tally(W, [*ids, foreign, ObjectId()], run_id=RUN)
    assert tally.found == 6
    assert tally.answers == {
        (AvailabilityStatus.AVAILABLE, None): 2,
        (AvailabilityStatus.INVALID, "no_contact"): 1,
        (AvailabilityStatus.UNKNOWN, "timeout"): 1,
    }
    assert tally.first_at is not None
    assert tally.first_at == tally.last_at


def test_missing_leads_are_named(database: Database[Document], store: LeadStore) -> None:
    own, foreign, unknown = add(database), add(database, workspaceId="workspace-2"), ObjectId()
    assert store.missing(W, [own, foreign, unknown]) == [foreign, unknown]


def test_reading_a_chunk_uses_an_index(database: Database[Document], store: LeadStore) -> None:
    ids = [add(database) for _ in range(20)]
    for _ in range(200):
        add(database, workspaceId="workspace-2")
    plan = database.leads.find({"_id": {"$in": ids}, "workspaceId": W}).explain()
    assert plan["executionStats"]["totalDocsExamined"] == 20
