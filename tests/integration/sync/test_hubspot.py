"""What is particular to HubSpot."""

import time
from datetime import UTC, datetime
from typing import Any

from libs.common.jobs.integration_sync import SyncMode
from libs.simulators.crm.table import Stamps
from libs.simulators.hubspot import Limits
from tests.integration.sync.crms import calls_of, hubspot
from tests.integration.sync.world import World


def read_all(world: World, integration_id: str, since: datetime) -> list[str]:
    source = world.open(integration_id)
    position: Any = source.begin(since)
    places: list[str] = []
    while position is not None:
        page = source.read(position)
        places += [row.place for row in page.rows]
        position = page.next
    return places


def test_more_changes_than_a_search_may_page_through_all_arrive_once(crm_world: World) -> None:
    with hubspot(crm_world, 12_000) as crm:
        places = read_all(crm_world, crm.integration_id, datetime(2000, 1, 1, tzinfo=UTC))
        statuses = {call.status for call in crm.simulator.calls.select(endpoint="contacts.search")}
    assert len(places) == len(set(places)) == 12_000
    assert statuses == {200}


def test_thousands_of_rows_with_one_change_stamp_are_no_special_case(crm_world: World) -> None:
    with hubspot(crm_world, 11_000, stamps=Stamps(rows_per_stamp=11_000)) as crm:
        places = read_all(crm_world, crm.integration_id, datetime(2000, 1, 1, tzinfo=UTC))
    assert len(places) == len(set(places)) == 11_000


def test_what_search_shows_late_is_read_by_the_next_run(crm_world: World) -> None:
    with hubspot(crm_world, 50, index_lag=1.0, overlap_seconds=30) as crm:
        crm_world.sync(crm.integration_id)
        crm.simulator.edit(3, first_name="Late")
        at_once = crm_world.sync(crm.integration_id, mode=SyncMode.INCREMENTAL)
        assert at_once["counts"]["updated"] == 0
        time.sleep(1.2)
        later = crm_world.sync(crm.integration_id, mode=SyncMode.INCREMENTAL)
    assert later["counts"]["updated"] == 1
    assert "Late" in {lead["firstName"] for lead in crm_world.leads()}


def test_a_private_apps_token_needs_no_renewal(crm_world: World) -> None:
    with hubspot(crm_world, 20, oauth=False) as crm:
        crm_world.sync(crm.integration_id)
        assert "token" not in calls_of(crm.simulator)


def test_searches_are_kept_apart_by_what_hubspot_allows(crm_world: World) -> None:
    with hubspot(crm_world, 1_500, limits=Limits(searches_per_second=5)) as crm:
        crm_world.database["integrations"].update_one({}, {"$unset": {"settings.callsPerSecond": ""}})
        read_all(crm_world, crm.integration_id, datetime(2000, 1, 1, tzinfo=UTC))
        statuses = [call.status for call in crm.simulator.calls.select(endpoint="contacts.search")]
    assert statuses == [200] * 8


def test_a_custom_field_map_reads_other_properties(crm_world: World) -> None:
    with hubspot(crm_world, 5, field_map={"firstName": "company", "phone": "phone"}) as crm:
        crm_world.sync(crm.integration_id)
        companies = {person.company for person in crm.people() if person.company}
    assert {lead["firstName"] for lead in crm_world.leads() if "firstName" in lead} == companies
