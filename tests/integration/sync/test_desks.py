"""What people see of integrations and runs, and what they change."""

from datetime import timedelta

import pytest

from libs.common.errors import InvalidInput, NotNow, Permanent
from libs.common.integrations.model import IntegrationSettings, IntegrationStatus
from libs.common.integrations.schedules import schedule_name
from libs.common.jobs.integration_sync import SyncMode
from libs.common.stores.integration_desk import IntegrationChange, IntegrationDesk, IntegrationOverview
from libs.common.stores.schedules import Schedule, ScheduleStore
from libs.common.stores.sync_run_desk import SyncRunDesk
from services.sync.sources.contract import RateLimited, WrongRequest
from tests.integration.sync.world import WORKSPACE, MemorySource, World, people, person


def seen(world: World, integration_id: str) -> IntegrationOverview:
    found = IntegrationDesk(world.database).one(integration_id)
    assert found is not None
    return found


def change(world: World, integration_id: str, changed: IntegrationChange) -> IntegrationOverview:
    before = seen(world, integration_id).integration
    assert IntegrationDesk(world.database).change(before, changed, at=world.clock.now())
    return seen(world, integration_id)


def test_integrations_are_listed_page_by_page_with_their_schedule_and_latest_run(world: World) -> None:
    ids = [world.integrate(schedule="*/5 * * * *"), world.integrate(), world.integrate()]
    world.sync(ids[0], MemorySource(people(3)))
    world.sync(ids[0], MemorySource(people(2)))
    desk = IntegrationDesk(world.database)

    first = desk.page(WORKSPACE, limit=2)
    assert [each.integration.id for each in first] == ids[:2]
    assert first[0].latest is not None
    assert first[0].latest.counts.fetched == 2
    assert first[0].schedule is not None
    assert (first[1].latest, first[1].schedule) == (None, None)
    assert [each.integration.id for each in desk.page(WORKSPACE, after=ids[1], limit=2)] == ids[2:]
    assert desk.page("another", limit=2) == []
    with pytest.raises(InvalidInput):
        desk.page(after="x", limit=2)


def test_those_that_need_attention_can_be_asked_for(world: World) -> None:
    well, ill = world.integrate(), world.integrate()
    with pytest.raises(Permanent):
        world.sync(ill, MemorySource([], faults={0: WrongRequest("no such field")}))
    desk = IntegrationDesk(world.database)
    for status, integration_id in ((IntegrationStatus.ACTIVE, well), (IntegrationStatus.NEEDS_ATTENTION, ill)):
        assert [each.integration.id for each in desk.page(status=status, limit=9)] == [integration_id]
    assert [each.id for each in desk.needing_attention(WORKSPACE, limit=9)] == [ill]
    assert desk.needing_attention("another", limit=9) == []


def test_runs_are_listed_the_latest_first(world: World) -> None:
    integration_id, other = world.integrate(), world.integrate()
    for count in (1, 2, 3):
        world.sync(integration_id, MemorySource(people(count)))
    world.sync(other, MemorySource(people(4)))
    desk = SyncRunDesk(world.database)

    latest = desk.runs(integration_id, limit=2)
    assert [run.counts.fetched for run in latest] == [3, 2]
    assert [run.counts.fetched for run in desk.runs(integration_id, before=str(latest[-1].id), limit=2)] == [1]
    assert desk.run(str(latest[0].id)) == latest[0]
    assert desk.run("x") is None
    with pytest.raises(InvalidInput):
        desk.runs(other, before=str(latest[-1].id), limit=2)


def test_problems_are_listed_page_by_page_and_in_groups(world: World) -> None:
    job = world.new_job()
    rows = [person(1, phone="x", email=None), person(2, phone="y", email=None), person(3, email="z")]
    world.sync(world.integrate(suspicious_share=1.0), MemorySource(rows), job=job)
    desk, run_id = SyncRunDesk(world.database), world.run_of(job).id

    first, cursor = desk.problems(run_id, limit=2)
    assert cursor is not None
    rest, end = desk.problems(run_id, after=cursor, limit=2)
    assert [(each.row, each.value) for each in (*first, *rest)] == [("1", "x"), ("2", "y"), ("3", "z")]
    assert end is None
    groups = [(each.reason, each.fatal, each.rows, each.example_row) for each in desk.problem_groups(run_id)]
    assert groups == [("invalid_phone", True, 2, "1"), ("invalid_email", False, 1, "3")]


def test_a_change_keeps_what_it_does_not_name(world: World) -> None:
    integration_id = world.integrate(region="GB")
    changed = change(world, integration_id, IntegrationChange(name="Sales", settings={"suspiciousShare": 0.5}))
    assert changed.integration.name == "Sales"
    assert (changed.integration.settings.region, changed.integration.settings.suspicious_share) == ("GB", 0.5)
    usual = change(world, integration_id, IntegrationChange(settings={"suspiciousShare": None}))
    assert usual.integration.settings.suspicious_share == 0.2
    with pytest.raises(InvalidInput, match=r"settings\.nonsense"):
        change(world, integration_id, IntegrationChange(settings={"nonsense": 1}))


@pytest.mark.parametrize(
    ("changed", "reads_all"),
    [
        (IntegrationChange(field_map={"phone": ["work_phone"]}), True),
        (IntegrationChange(settings={"baseUrl": "https://crm.example.org"}), True),
        (IntegrationChange(settings={"schedule": "0 * * * *"}), False),
        (IntegrationChange(name="Sales"), False),
    ],
)
def test_after_a_change_of_what_is_read_the_next_run_reads_everything(
    world: World, changed: IntegrationChange, reads_all: bool
) -> None:
    integration_id, source = world.integrate(), MemorySource(people(3))
    world.sync(integration_id, source, SyncMode.INCREMENTAL)
    change(world, integration_id, changed)
    world.sync(integration_id, source, SyncMode.INCREMENTAL)
    assert (source.begun_since[-1] is None) is reads_all


def test_a_run_of_before_a_change_begins_anew_and_does_not_pass_for_one_after_it(world: World) -> None:
    integration_id = world.integrate()
    until = world.clock.now() + timedelta(minutes=1)
    source, job = MemorySource(people(30), faults={2: RateLimited(until, "daily")}), world.new_job()
    with pytest.raises(NotNow):
        world.sync(integration_id, source, SyncMode.INCREMENTAL, job=job)
    world.database["integrations"].update_one({}, {"$unset": {"notBefore": ""}})
    change(world, integration_id, IntegrationChange(settings={"object": "Lead"}))
    source.reads.clear()
    world.sync(integration_id, source, SyncMode.INCREMENTAL, job=job)
    assert source.reads == [0, 1, 2]
    assert world.run_of(job).counts.fetched == 30

    def meddle(page: int) -> None:
        if page == 2:
            change(world, integration_id, IntegrationChange(settings={"object": "Contact"}))

    world.sync(integration_id, MemorySource(people(30), after_read=meddle))
    assert seen(world, integration_id).integration.read_until is None
    assert seen(world, integration_id).integration.last_sync_at is not None


def test_a_change_of_the_schedule_is_followed(world: World) -> None:
    integration_id, schedules = world.integrate(), ScheduleStore(world.database)
    name = schedule_name(integration_id)
    change(world, integration_id, IntegrationChange(settings={"schedule": "0 * * * *"}))
    hourly = schedules.get(name)
    assert hourly is not None
    assert (hourly.cron, hourly.enabled, hourly.data["workspaceId"]) == ("0 * * * *", True, WORKSPACE)

    world.database["schedules"].update_one({"_id": name}, {"$set": {"enabled": False}})
    daily = change(world, integration_id, IntegrationChange(settings={"schedule": "0 3 * * *"})).schedule
    assert daily is not None
    assert (daily.cron, daily.enabled) == ("0 3 * * *", False)

    with pytest.raises(InvalidInput):
        change(world, integration_id, IntegrationChange(settings={"schedule": "often"}))
    change(world, integration_id, IntegrationChange(settings={"schedule": None}))
    assert schedules.get(name) is None


def test_two_people_who_change_different_things_at_once_both_get_what_they_asked_for(world: World) -> None:
    integration_id, desk = world.integrate(region="DE", timezone="Europe/Berlin"), IntegrationDesk(world.database)
    before = seen(world, integration_id).integration
    for changed in (
        IntegrationChange(settings={"sheet": "$2026", "region": None}, field_map={"phone": "mobile"}),
        IntegrationChange(settings={"schedule": "0 3 * * *"}, field_map={"email": ["work", "home"]}),
        IntegrationChange(settings={"timezone": "Europe/Paris"}),
    ):
        assert desk.change(before, changed, at=world.clock.now())

    after = seen(world, integration_id)
    wanted = IntegrationSettings(sheet="$2026", schedule="0 3 * * *", timezone="Europe/Paris")
    assert after.integration.settings == wanted
    assert after.integration.field_map == {"phone": "mobile", "email": ["work", "home"]}
    assert after.schedule is not None
    assert (after.schedule.cron, after.schedule.timezone) == ("0 3 * * *", "Europe/Paris")


def test_a_change_lets_an_integration_that_needed_one_go_on(world: World) -> None:
    integration_id = world.integrate(schedule="0 * * * *")
    with pytest.raises(Permanent):
        world.sync(integration_id, MemorySource([], faults={0: WrongRequest("no such field")}))
    resting = seen(world, integration_id).schedule
    assert resting is not None
    assert not resting.enabled
    named = change(world, integration_id, IntegrationChange(name="Sales"))
    assert named.integration.status is IntegrationStatus.NEEDS_ATTENTION
    mended = change(world, integration_id, IntegrationChange(field_map={"phone": "mobile"}))
    assert (mended.integration.status, mended.integration.status_reason) == (IntegrationStatus.ACTIVE, "")
    assert mended.schedule is not None
    assert mended.schedule.enabled


def test_a_removed_integration_leaves_its_leads_and_runs_and_nothing_else(world: World) -> None:
    integration_id = world.integrate(schedule="0 * * * *")
    world.sync(integration_id, MemorySource(people(3)))
    desk, schedules, other = (
        IntegrationDesk(world.database),
        ScheduleStore(world.database),
        world.integrate(schedule="0 * * * *"),
    )
    data = {"integrationId": integration_id, "workspaceId": WORKSPACE, "mode": "full"}
    schedules.put(Schedule(name="weekly", job_type="integration-sync", cron="0 3 * * 0", data=data))
    assert desk.remove(integration_id)
    assert not desk.remove(integration_id)
    assert desk.one(integration_id) is None
    assert [schedule.name for schedule in schedules.all()] == [schedule_name(other)]
    assert len(world.leads()) == 3
    assert len(SyncRunDesk(world.database).runs(integration_id, limit=9)) == 1
