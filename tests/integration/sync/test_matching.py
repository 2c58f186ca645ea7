"""How rows find leads that the app, a person or another integration has made."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.errors import DuplicateKeyError

from libs.common.integrations.model import Provider
from libs.common.jobs.integration_sync import SyncMode
from services.sync.engine.transactions import Transactions
from services.sync.rules.rows import SourceRow
from tests.integration.sync.world import WORKSPACE, MemorySource, World, people, person


def row(row_id: str, **values: str) -> SourceRow:
    return SourceRow(place=row_id, external_id=row_id, values=values)


@pytest.mark.parametrize("typed", ["+14155550007", "(415) 555-0007", "415-555-0007 ", "001 415 555 0007"])
def test_a_lead_that_the_app_made_is_found_by_its_phone_in_any_spelling(world: World, typed: str) -> None:
    if typed.startswith("001"):
        world.write_lead(phone="+1 415 555 0007")
    else:
        world.write_lead(phone=typed)
    world.sync(world.integrate(), MemorySource([person(7)]))
    lead = world.one_lead()
    assert (lead["firstName"], lead["email"]) == ("First7", "p7@example.org")
    assert lead["source"]["externalId"] == "7"


def test_a_lead_that_the_app_made_is_found_by_its_email(world: World) -> None:
    world.write_lead(email=" P7@Example.org", firstName="Given by a person")
    world.sync(world.integrate(), MemorySource([person(7)]))
    lead = world.one_lead()
    assert (lead["firstName"], lead["phone"]) == ("Given by a person", "+14155550007")


def test_a_lead_that_an_earlier_server_brought_is_found_by_its_source(world: World) -> None:
    integration_id = world.integrate()
    source = {"provider": "hubspot", "externalId": "7", "integrationId": integration_id}
    world.write_lead(firstName="Anna", source=source)
    world.sync(integration_id, MemorySource([person(7)]))
    lead = world.one_lead()
    assert (lead["firstName"], lead["phone"]) == ("Anna", "+14155550007")
    assert lead["source"] == source


def test_leads_that_share_a_phone_stay_two_and_the_older_one_is_matched(world: World) -> None:
    older = world.write_lead(phone="4155550007", firstName="Anna")
    younger = world.write_lead(phone="+1 (415) 555-0007", firstName="Bob")
    world.sync(world.integrate(), MemorySource([row("7", phone="4155550007", lastname="Miller")]))
    leads = {lead["_id"]: lead for lead in world.leads()}
    assert leads[older]["lastName"] == "Miller"
    assert "lastName" not in leads[younger]


def test_a_lead_that_shares_a_handle_takes_its_key_only_when_the_other_gives_it_up(world: World) -> None:
    first = world.write_lead(email="a@example.org")
    second = world.write_lead(email="a@example.org", phone="4155550007")
    integration_id = world.integrate()
    for lastname in ("Miller", "Berg"):
        world.sync(
            integration_id, MemorySource([row("7", phone="4155550007", email="a@example.org", lastname=lastname)])
        )
    leads = {lead["_id"]: lead for lead in world.leads()}
    assert leads[first]["matchKeys"] == ["e:a@example.org"]
    assert leads[second]["sharedKeys"] == ["e:a@example.org"]
    assert leads[second]["lastName"] == "Berg"


def test_two_integrations_that_bring_one_person_make_one_lead(world: World) -> None:
    hubspot, salesforce = world.integrate(), world.integrate(Provider.SALESFORCE)
    world.sync(hubspot, MemorySource([row("7", phone="4155550007", firstname="Anna")]))
    world.sync(salesforce, MemorySource([row("003A", phone="+14155550007", email="a@example.org")]))
    lead = world.one_lead()
    assert (lead["firstName"], lead["email"]) == ("Anna", "a@example.org")
    assert [link["externalId"] for link in lead["links"]] == ["7", "003A"]
    assert lead["source"]["externalId"] == "7"


def test_the_same_person_is_not_made_twice_by_integrations_at_the_same_time(world: World) -> None:
    rows = people(300)
    integrations = [world.integrate(), world.integrate(Provider.SALESFORCE), world.integrate()]
    faults: list[BaseException] = []

    def sync(integration_id: str) -> None:
        try:
            world.sync(integration_id, MemorySource(rows, page_rows=50))
        except BaseException as error:  # noqa: BLE001 - it is shown by the assertion below
            faults.append(error)

    threads = [threading.Thread(target=sync, args=(each,)) for each in integrations]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    leads = world.leads()
    assert len(leads) == 300
    assert all(len(lead["links"]) == 3 for lead in leads)


def test_an_edit_by_a_person_survives_every_later_run(world: World) -> None:
    integration_id = world.integrate()
    world.sync(integration_id, MemorySource([person(7)]))
    lead_id = world.one_lead()["_id"]
    world.edit_lead(lead_id, firstName="Annie", phone="(415) 555-9999", email=None)
    world.sync(integration_id, MemorySource([person(7)]))
    world.sync(world.integrate(Provider.SALESFORCE), MemorySource([person(7, firstname="Ann")]))
    world.sync(integration_id, MemorySource([person(7, lastname="Changed")]))
    lead = world.one_lead()
    assert (lead["firstName"], lead["phone"], lead.get("email")) == ("Annie", "(415) 555-9999", None)
    assert lead["lastName"] == "Changed"


def test_a_later_change_at_the_source_wins_over_an_edit_once_the_source_was_read_in_between(world: World) -> None:
    integration_id = world.integrate(overlap_seconds=0)
    world.sync(integration_id, MemorySource([person(7)]))
    world.edit_lead(world.one_lead()["_id"], firstName="Annie")
    world.sync(integration_id, MemorySource([person(7, firstname="Held back")]))
    assert world.one_lead()["firstName"] == "Annie"
    world.sync(integration_id, MemorySource([person(7, firstname="Later")]))
    assert world.one_lead()["firstName"] == "Later"


def test_a_number_that_a_person_typed_into_a_lead_makes_it_the_match_of_a_new_row(world: World) -> None:
    integration_id = world.integrate()
    world.sync(integration_id, MemorySource([person(7)]))
    lead_id = world.one_lead()["_id"]
    world.edit_lead(lead_id, phone="415 555 0042")
    world.sync(world.integrate(Provider.SALESFORCE), MemorySource([row("003A", phone="4155550042")]))
    assert world.one_lead()["_id"] == lead_id


def test_an_edit_during_a_run_is_seen_before_the_next_page(world: World) -> None:
    typed = world.write_lead(phone="4155559999")

    def edit(page: int) -> None:
        if page == 1:
            world.edit_lead(typed, phone="(415) 555-0025")

    source = MemorySource(people(30), after_read=edit)
    world.sync(world.integrate(), source)
    leads = {lead["_id"]: lead for lead in world.leads()}
    assert len(leads) == 30
    assert leads[typed]["firstName"] == "First25"


def test_two_rows_that_swap_their_numbers_do_not_break_the_run(world: World) -> None:
    integration_id = world.integrate()
    world.sync(integration_id, MemorySource([person(1), person(2)]))
    swapped = [person(1, phone="+14155550002"), person(2, phone="+14155550001")]
    world.sync(integration_id, MemorySource(swapped))
    world.sync(integration_id, MemorySource(swapped))
    phones = sorted(lead["phone"] for lead in world.leads())
    assert len(phones) == len(set(phones)) == 2


def test_a_number_that_one_lead_gives_up_another_may_take_in_the_same_page(world: World) -> None:
    integration_id = world.integrate()
    world.sync(integration_id, MemorySource([person(1), person(2)]))
    moved = [person(2, phone="+14155550099"), person(1, phone="+14155550002")]
    world.sync(integration_id, MemorySource(moved))
    assert sorted(lead["phone"] for lead in world.leads()) == ["+14155550002", "+14155550099"]


def test_a_number_that_one_lead_gives_up_a_new_one_may_take_in_the_same_page(world: World) -> None:
    integration_id = world.integrate()
    world.sync(integration_id, MemorySource([person(1), person(2)]))
    moved = [person(2, phone="+14155550099"), row("5", phone="+14155550002")]
    result = world.sync(integration_id, MemorySource(moved))
    assert (result["counts"]["updated"], result["counts"]["created"]) == (1, 1)


def test_a_handle_that_a_lead_gives_up_goes_to_the_one_that_people_gave_it_too(world: World) -> None:
    integration_id = world.integrate()
    world.sync(integration_id, MemorySource([person(1)]))
    sharer = world.write_lead(email="p1@example.org")
    changed = [person(1, email="new@example.org"), row("5", email="p1@example.org", lastname="Sharer")]
    world.sync(integration_id, MemorySource(changed))
    leads = {lead["_id"]: lead for lead in world.leads()}
    assert len(leads) == 2
    assert leads[sharer]["lastName"] == "Sharer"
    assert "e:p1@example.org" in leads[sharer]["matchKeys"]
    assert "sharedKeys" not in leads[sharer]


def test_no_two_leads_of_a_workspace_can_hold_one_key(world: World) -> None:
    world.sync(world.integrate(), MemorySource([person(1)]))
    leads = world.database["leads"]
    with pytest.raises(DuplicateKeyError):
        leads.insert_one({"workspaceId": WORKSPACE, "matchKeys": ["p:+14155550001"]})
    leads.insert_one({"workspaceId": "workspace-2", "matchKeys": ["p:+14155550001"]})


def test_a_key_that_another_took_in_between_makes_the_work_start_over(world: World) -> None:
    leads = world.database["leads"]
    world.write_lead(matchKeys=["p:+14155550001"])
    keys = iter(["p:+14155550001", "p:+14155550002"])
    transactions = Transactions(world.database)
    transactions.run(
        lambda session: leads.insert_one({"workspaceId": WORKSPACE, "matchKeys": [next(keys)]}, session=session)
    )
    transactions.close()
    assert len(world.leads()) == 2


def test_leads_without_keys_are_many(world: World) -> None:
    for name in ("Anna", "Bob", "Carla"):
        world.write_lead(firstName=name)
    world.sync(world.integrate(), MemorySource([person(1)]))
    assert len(world.leads()) == 4


def test_a_deleted_row_leaves_its_lead_and_marks_the_link(world: World) -> None:
    integration_id = world.integrate()
    world.sync(integration_id, MemorySource([person(1), person(2)]))
    gone = SourceRow(place="2", external_id="2", removed=True)
    result = world.sync(integration_id, MemorySource([gone]), SyncMode.INCREMENTAL)
    assert (result["counts"]["updated"], len(world.leads())) == (1, 2)
    lead = next(lead for lead in world.leads() if lead["phone"] == "+14155550002")
    assert "removedAt" in lead["links"][0]


def _stages(plan: Any) -> set[str]:
    if isinstance(plan, list):
        return set().union(*map(_stages, plan)) if plan else set()
    if not isinstance(plan, dict):
        return set()
    own = {f"{plan['stage']}:{plan.get('indexName', '')}"} if "stage" in plan else set()
    return own.union(*map(_stages, plan.values()))


@pytest.mark.parametrize(
    ("query", "order", "index"),
    [
        (
            {"workspaceId": WORKSPACE, "matchKeys": {"$in": ["p:+14155550001", "x:1:1"]}},
            None,
            "one_lead_per_match_key",
        ),
        (
            {
                "workspaceId": WORKSPACE,
                "updatedAt": {"$gte": datetime(2024, 1, 1, tzinfo=UTC)},
                "$or": [{"syncedAt": None}, {"$expr": {"$ne": ["$updatedAt", "$syncedAt"]}}],
            },
            "updatedAt",
            "by_change",
        ),
    ],
)
def test_the_engines_questions_are_answered_by_an_index(
    world: World, query: dict[str, Any], order: str | None, index: str
) -> None:
    world.sync(world.integrate(), MemorySource(people(50)))
    found = world.database["leads"].find(query)
    plan = (found.sort(order, 1) if order else found).explain()["queryPlanner"]["winningPlan"]
    assert f"IXSCAN:{index}" in _stages(plan)
    assert "COLLSCAN:" not in _stages(plan)


def test_keys_are_looked_after_no_more_often_than_the_interval_says(world: World) -> None:
    typed = world.write_lead(phone="4155559999")
    integration_id = world.integrate()

    def edit(page: int) -> None:
        if page == 0:
            world.edit_lead(typed, phone="(415) 555-0015")

    source = MemorySource(people(30), after_read=edit)
    world.sync(integration_id, source, look_interval=timedelta(hours=1))
    assert len(world.leads()) == 31
