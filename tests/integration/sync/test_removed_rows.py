"""Rows that are gone from their source: the lead stays, its link says so, and a row that comes back is itself again."""

from typing import Any
from unittest.mock import Mock

import pytest

from libs.common.errors import NotNow, Permanent, Retryable, StoreUnavailable
from libs.common.integrations.model import Provider
from libs.common.jobs.integration_sync import SyncMode
from libs.common.stores.seen_rows import SeenRows, mark_of
from services.sync.engine import removed_rows
from services.sync.sources.contract import PositionLost, RateLimited, SourceUnavailable
from tests.integration.sync.crms import CRMS
from tests.integration.sync.world import MemorySource, MovableClock, World, people, person


def removed(world: World) -> list[str]:
    """The external ids of the links that are marked, of all leads."""
    return sorted(link["externalId"] for lead in world.leads() for link in lead["links"] if link.get("removedAt"))


def values(world: World) -> list[dict[str, Any]]:
    return [{name: lead.get(name) for name in ("firstName", "phone", "email", "updatedAt")} for lead in world.leads()]


def test_a_full_run_marks_the_leads_whose_rows_it_has_not_met_and_changes_nothing_else(world: World) -> None:
    integration_id = world.integrate()
    world.sync(integration_id, MemorySource(people(25)))
    before = values(world)
    job = world.new_job()
    result = world.sync(integration_id, MemorySource([*people(7), *people(25)[9:]]), job=job)
    assert (removed(world), result["counts"]["removed"], result["counts"]["fetched"]) == (["7", "8"], 2, 23)
    assert world.run_of(job).counts.removed == 2
    assert values(world) == before
    again = world.sync(integration_id, MemorySource([*people(7), *people(25)[9:]]))
    assert (removed(world), again["counts"]["removed"]) == (["7", "8"], 0)
    assert world.database["syncSeen"].count_documents({}) == 0


def test_a_row_that_comes_back_is_itself_again(world: World) -> None:
    integration_id = world.integrate()
    world.sync(integration_id, MemorySource(people(3)))
    world.sync(integration_id, MemorySource(people(2)))
    assert removed(world) == ["2"]
    result = world.sync(integration_id, MemorySource(people(3)))
    assert (removed(world), len(world.leads()), result["counts"]["updated"]) == ([], 3, 1)


def test_a_row_that_is_there_and_refused_is_not_gone(world: World) -> None:
    integration_id = world.integrate()
    world.sync(integration_id, MemorySource(people(3)))
    world.sync(integration_id, MemorySource([*people(2), person(2, phone="call me", email=None)]))
    assert removed(world) == []


def test_the_rows_of_another_integration_are_not_gone(world: World) -> None:
    first, second = world.integrate(), world.integrate()
    world.sync(first, MemorySource(people(4)))
    world.sync(second, MemorySource(people(4)))
    world.sync(second, MemorySource(people(3)))
    links = [link for lead in world.leads() for link in lead["links"] if link.get("removedAt")]
    assert [(str(link["integrationId"]), link["externalId"]) for link in links] == [(second, "3")]


@pytest.mark.parametrize("mode", [SyncMode.INCREMENTAL, SyncMode.DRY_RUN])
def test_a_run_that_does_not_read_all_or_may_not_write_marks_nothing(world: World, mode: SyncMode) -> None:
    integration_id = world.integrate()
    source = MemorySource(people(5))
    world.sync(integration_id, source)
    source.rows, source.changed = people(3), set()
    assert world.sync(integration_id, source, mode)["counts"]["removed"] == 0
    assert removed(world) == []


def test_a_source_without_change_stamps_is_read_whole_each_time_and_so_notices_each_time(world: World) -> None:
    integration_id = world.integrate()
    world.sync(integration_id, MemorySource(people(5)), SyncMode.INCREMENTAL)
    source = MemorySource(people(3))
    source.has_change_stamps = False
    world.sync(integration_id, source, SyncMode.INCREMENTAL)
    assert removed(world) == ["3", "4"]


@pytest.mark.parametrize("page", [0, 2])
def test_what_was_met_before_a_crash_counts_after_it(world: World, page: int) -> None:
    integration_id = world.integrate()
    world.sync(integration_id, MemorySource(people(40)))
    source, job = MemorySource(people(35), faults={page: SourceUnavailable("down")}), world.new_job()
    with pytest.raises((Retryable, NotNow)):
        world.sync(integration_id, source, job=job)
    assert world.sync(integration_id, source, job=job)["counts"]["removed"] == 5
    assert removed(world) == ["35", "36", "37", "38", "39"]


@pytest.mark.parametrize(("days", "found"), [(5, 5), (8, 0)])
def test_a_run_taken_up_so_late_that_what_it_met_has_expired_marks_nothing(world: World, days: int, found: int) -> None:
    integration_id = world.integrate()
    world.sync(integration_id, MemorySource(people(40)))
    source, job = MemorySource(people(35), faults={2: SourceUnavailable("down")}), world.new_job()
    with pytest.raises((Retryable, NotNow)):
        world.sync(integration_id, source, job=job)
    assert isinstance(world.clock, MovableClock)
    world.clock.move(days=days)
    if not found:
        assert world.database["syncSeen"].delete_many({}).deleted_count
    assert world.sync(integration_id, source, job=job)["counts"]["removed"] == found
    assert len(removed(world)) == found
    assert world.sync(integration_id, source)["counts"]["removed"] == 5 - found


def test_a_run_that_began_anew_goes_by_what_it_met_since(world: World) -> None:
    integration_id = world.integrate()
    world.sync(integration_id, MemorySource(people(30)))
    source, job = MemorySource(people(30), faults={2: PositionLost("expired")}), world.new_job()
    with pytest.raises(Retryable):
        world.sync(integration_id, source, job=job)
    source.rows = people(30)[5:]
    world.sync(integration_id, source, job=job)
    assert removed(world) == ["0", "1", "2", "3", "4"]


def test_marking_that_was_cut_short_is_ended_by_the_next_attempt(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    integration_id = world.integrate()
    world.sync(integration_id, MemorySource(people(30)))
    monkeypatch.setattr(removed_rows, "_LINKS_PER_WRITE", 4)
    ordinary, calls = removed_rows.RemovedRows._write, []

    def write(self: Any, links: Any) -> int:
        calls.append(links)
        if len(calls) == 3:
            raise RuntimeError
        return ordinary(self, links)

    monkeypatch.setattr(removed_rows.RemovedRows, "_write", write)
    job = world.new_job()
    with pytest.raises(RuntimeError):
        world.sync(integration_id, MemorySource(people(20)), job=job)
    assert len(removed(world)) == 8
    result = world.sync(integration_id, MemorySource(people(20)), job=job)
    assert (len(removed(world)), result["counts"]["removed"]) == (10, 10)


@pytest.mark.parametrize("last_write", ["complete_sync", "finish"])
def test_a_run_whose_end_could_not_be_written_down_marks_no_more_the_second_time(
    world: World, monkeypatch: pytest.MonkeyPatch, last_write: str
) -> None:
    integration_id = world.integrate()
    world.sync(integration_id, MemorySource(people(30)))
    store = world.runs if last_write == "finish" else world.integrations
    job = world.new_job()
    with monkeypatch.context() as patched:
        patched.setattr(store, last_write, Mock(side_effect=StoreUnavailable("mongodb", "away")))
        with pytest.raises(StoreUnavailable):
            world.sync(integration_id, MemorySource(people(20)), job=job)
    result = world.sync(integration_id, MemorySource(people(20)), job=job)
    assert (len(removed(world)), result["counts"]["removed"]) == (10, 10)
    assert world.database["syncSeen"].count_documents({}) == 0


def test_a_run_that_stopped_on_the_way_marks_nothing(world: World) -> None:
    integration_id = world.integrate()
    world.sync(integration_id, MemorySource(people(30)))
    bad = [person(n, phone="x", email=None) for n in range(30)]
    with pytest.raises(Permanent):
        world.sync(integration_id, MemorySource(bad))
    with pytest.raises(NotNow):
        world.sync(integration_id, MemorySource(people(10), faults={0: RateLimited(world.clock.now(), "daily")}))
    assert removed(world) == []


@pytest.mark.parametrize("provider", list(Provider))
def test_each_crm_shows_what_is_gone(crm_world: World, provider: Provider) -> None:
    with CRMS[provider](crm_world, 300) as crm:
        crm_world.sync(crm.integration_id)
        crm.simulator.delete([10, 20])
        crm_world.sync(crm.integration_id, mode=SyncMode.FULL)
    assert len(removed(crm_world)) == 2
    assert len(crm_world.leads()) == 300


def test_marks_tell_rows_apart() -> None:
    ids = [str(number) for number in range(5_000)]
    seen = SeenRows(b"".join(map(mark_of, ids[place : place + 100])) for place in range(0, 5_000, 100))
    assert all(each in seen for each in ids)
    assert not any(str(number) in seen for number in range(5_000, 10_000))
    assert "1" not in SeenRows()
