"""What all three CRMs' sources do, through their own clients, against their stand-ins."""

import time
from typing import Any

import pytest

from libs.common.integrations.model import Provider
from libs.common.jobs.integration_sync import SyncMode
from libs.simulators.crm.people import Shape
from services.sync.rules.mapping import RowMapper
from services.sync.rules.rows import MappedRow
from tests.integration.sync.crms import CRMS, Crm, calls_of
from tests.integration.sync.world import World

EVERY_CRM = pytest.mark.parametrize("provider", list(Provider))


def by_handle(world: World) -> dict[str, dict[str, Any]]:
    return {lead[name]: lead for lead in world.leads() for name in ("phone", "email") if name in lead}


@EVERY_CRM
def test_every_person_arrives_once_and_normalised(crm_world: World, provider: Provider) -> None:
    with CRMS[provider](crm_world, 450, shape=Shape()) as crm:
        result = crm_world.sync(crm.integration_id, rows_per_write=200)
        people = crm.people()
    leads = by_handle(crm_world)
    assert all(person.e164 in leads or person.mailbox in leads for person in people if person.e164 or person.mailbox)
    # A person who is there twice, with one handle blank the second time, still is one lead.
    assert len(crm_world.leads()) == len({person.original for person in people if person.e164 or person.mailbox})
    assert result["counts"]["fetched"] == 450
    assert result["counts"]["failed"] == sum(1 for person in people if not person.e164 and not person.mailbox)


@EVERY_CRM
def test_names_and_handles_are_those_of_the_crm(crm_world: World, provider: Provider) -> None:
    with CRMS[provider](crm_world, 30) as crm:
        crm_world.sync(crm.integration_id)
        people = crm.people()
    leads = by_handle(crm_world)
    for person in people:
        lead = leads[person.e164 or ""]
        assert lead["email"] == person.mailbox
        if provider is not Provider.GOOGLE_SHEETS:
            assert (lead["firstName"], lead["lastName"]) == (person.first_name, person.last_name)


@EVERY_CRM
def test_an_incremental_run_costs_calls_and_writes_in_proportion_to_the_change(
    crm_world: World, provider: Provider
) -> None:
    with CRMS[provider](crm_world, 2_000, overlap_seconds=0) as crm:
        crm_world.sync(crm.integration_id, rows_per_write=1_000)
        before = {lead["_id"]: lead for lead in crm_world.leads()}
        time.sleep(1.1)  # Salesforce stamps rows with whole seconds
        crm.simulator.touch(range(0, 2_000, 100))
        crm.simulator.calls.clear()
        result = crm_world.sync(crm.integration_id, mode=SyncMode.INCREMENTAL)
        calls = sum(calls_of(crm.simulator).values())
    changed = [lead for lead in crm_world.leads() if lead != before[lead["_id"]]]
    assert len(changed) == result["counts"]["updated"] == 20
    if provider is not Provider.GOOGLE_SHEETS:  # a sheet has no change stamps: all of it is read, little is written
        assert result["counts"]["fetched"] == 20
        assert calls <= 3


@EVERY_CRM
def test_a_second_full_run_writes_nothing(crm_world: World, provider: Provider) -> None:
    with CRMS[provider](crm_world, 450, shape=Shape()) as crm:
        crm_world.sync(crm.integration_id, rows_per_write=200)
        before = crm_world.leads()
        result = crm_world.sync(crm.integration_id, rows_per_write=200)
    assert crm_world.leads() == before
    assert (result["counts"]["created"], result["counts"]["updated"]) == (0, 0)


@EVERY_CRM
def test_reading_on_from_a_position_in_another_process_gives_the_rest(crm_world: World, provider: Provider) -> None:
    with CRMS[provider](crm_world, 2_500) as crm:
        source = crm_world.open(crm.integration_id)
        first = source.read(source.begin(None))
        assert first.next is not None
        places = {row.place for row in first.rows}
        position: Any = first.next
        while position is not None:
            page = crm_world.open(crm.integration_id).read(position)
            assert places.isdisjoint(row.place for row in page.rows)
            places |= {row.place for row in page.rows}
            position = page.next
    assert len(places) == 2_500


@EVERY_CRM
def test_the_account_says_its_name_and_its_fields(crm_world: World, provider: Provider) -> None:
    with CRMS[provider](crm_world, 1) as crm:
        account = crm_world.open(crm.integration_id).account()
    assert account.name
    mapped = {"hubspot": "mobilephone", "salesforce": "MobilePhone", "google-sheets": "Phone"}[provider]
    assert mapped in [field.name for field in account.fields]


@EVERY_CRM
def test_about_how_many_rows_there_are_is_known_at_the_start(crm_world: World, provider: Provider) -> None:
    with CRMS[provider](crm_world, 300) as crm:
        source = crm_world.open(crm.integration_id)
        total = source.total(source.begin(None))
    assert total is not None
    assert 300 <= total <= 401  # a sheet counts its spare rows


@EVERY_CRM
def test_a_row_may_be_given_again_but_none_is_lost_when_rows_change_while_they_are_read(
    crm_world: World, provider: Provider
) -> None:
    with CRMS[provider](crm_world, 2_500) as crm:
        source = crm_world.open(crm.integration_id)
        position: Any = source.begin(None)
        places: set[str] = set()
        page_number = 0
        while position is not None:
            page = source.read(position)
            places |= {row.place for row in page.rows}
            crm.simulator.touch(range(page_number * 40, page_number * 40 + 40))
            page_number += 1
            position = page.next
    assert len(places) == 2_500


def _mapped_names(crm: Crm, world: World) -> list[MappedRow]:
    source = world.open(crm.integration_id)
    mapper = RowMapper(source.field_map(), region="US")
    page = source.read(source.begin(None))
    mapped = [mapper.map_row(row, fingerprint=mapper.fingerprint(row)) for row in page.rows]
    return [row for row in mapped if isinstance(row, MappedRow)]


def test_what_a_sheet_shows_in_any_form_is_the_same_person(crm_world: World) -> None:
    with CRMS[Provider.GOOGLE_SHEETS](crm_world, 60) as crm:
        rows = _mapped_names(crm, crm_world)
        people = crm.people()
    assert [row.values["phone"] for row in rows] == [person.e164 for person in people]
