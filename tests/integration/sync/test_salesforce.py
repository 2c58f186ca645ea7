"""What is particular to Salesforce."""

import time
from datetime import timedelta

import pytest

from libs.common.errors import Permanent
from libs.common.jobs.integration_sync import SyncMode
from libs.common.stores.sync_runs import RunStatus
from tests.integration.sync.crms import calls_of, salesforce
from tests.integration.sync.world import World, comparable


def test_a_large_full_run_reads_through_a_bulk_job(crm_world: World) -> None:
    with salesforce(crm_world, 4_500, bulk_above=1_000) as crm:
        result = crm_world.sync(crm.integration_id, rows_per_write=1_000)
        calls = calls_of(crm.simulator)
    assert result["counts"]["created"] == 4_500
    assert (calls["bulk.create"], calls["bulk.results"]) == (1, 3)
    assert calls["query"] == 2  # the counts


@pytest.mark.parametrize("header_every_page", [True, False])
def test_both_kinds_of_bulk_pages_give_what_a_query_gives(crm_world: World, header_every_page: bool) -> None:
    with salesforce(crm_world, 2_500, header_every_page=header_every_page) as crm:
        crm_world.sync(crm.integration_id, rows_per_write=1_000)
        queried = comparable(crm_world.leads())
        crm_world.database["leads"].delete_many({})
        crm_world.database["integrations"].update_one({}, {"$set": {"settings.bulkAbove": 1}})
        crm_world.sync(crm.integration_id, rows_per_write=1_000)
    assert comparable(crm_world.leads()) == queried


def test_a_bulk_job_that_takes_its_time_is_waited_for(crm_world: World) -> None:
    with salesforce(crm_world, 100, bulk_above=1, bulk_polls=3) as crm:
        result = crm_world.sync(crm.integration_id, longest_wait=timedelta(seconds=3))
    assert result["counts"]["created"] == 100


def test_rows_deleted_since_the_last_run_are_marked(crm_world: World) -> None:
    with salesforce(crm_world, 50) as crm:
        crm_world.sync(crm.integration_id)
        time.sleep(1.1)
        crm.simulator.delete([3, 4])
        crm_world.sync(crm.integration_id, mode=SyncMode.INCREMENTAL)
        gone = {crm.simulator.id_of(3), crm.simulator.id_of(4)}
    marked = {link["externalId"] for lead in crm_world.leads() for link in lead["links"] if "removedAt" in link}
    assert marked == gone
    assert len(crm_world.leads()) == 50


def test_many_rows_of_one_second_are_no_special_case(crm_world: World) -> None:
    with salesforce(crm_world, 5_000) as crm:
        crm_world.sync(crm.integration_id, rows_per_write=1_000)
        time.sleep(1.1)
        crm.simulator.touch(range(4_500))
        result = crm_world.sync(crm.integration_id, mode=SyncMode.INCREMENTAL, rows_per_write=1_000)
    assert result["counts"]["updated"] == 4_500


def test_a_signed_assertion_lets_in_too(crm_world: World) -> None:
    with salesforce(crm_world, 20, jwt=True) as crm:
        assert crm_world.sync(crm.integration_id)["counts"]["created"] == 20


def test_leads_instead_of_contacts(crm_world: World) -> None:
    with salesforce(crm_world, 1, leads=30, object="Lead") as crm:
        assert crm_world.sync(crm.integration_id)["counts"]["created"] == 30


def test_a_field_that_the_object_does_not_have_is_said(crm_world: World) -> None:
    with salesforce(crm_world, 5, field_map={"phone": "Handy__c"}) as crm:
        job = crm_world.new_job()
        with pytest.raises(Permanent, match="Handy__c"):
            crm_world.sync(crm.integration_id, job=job)
    assert crm_world.run_of(job).status is RunStatus.FAILED


def test_a_field_map_is_no_way_into_the_query(crm_world: World) -> None:
    with salesforce(crm_world, 5, field_map={"phone": "Phone FROM User--"}) as crm:
        with pytest.raises(Permanent, match="not the name of a field"):
            crm_world.sync(crm.integration_id)
        assert calls_of(crm.simulator) == {}
