"""An integration's own schedule: it emits syncs, and rests while a person is needed."""

from typing import Any

import pytest

from libs.common.errors import InvalidInput, Permanent
from libs.common.integrations.schedules import schedule_name
from libs.common.jobs.integration_sync import INTEGRATION_SYNC
from libs.common.stores.schedules import ScheduleStore
from services.sync.sources.contract import AuthRejected
from tests.integration.sync.world import WORKSPACE, MemorySource, World, people


def test_a_schedule_emits_what_the_job_type_takes(world: World) -> None:
    integration_id = world.integrate(schedule="*/15 * * * *", timezone="Europe/Berlin")
    schedule = ScheduleStore(world.database).get(schedule_name(integration_id))
    assert schedule is not None
    assert (schedule.cron, schedule.timezone, schedule.enabled) == ("*/15 * * * *", "Europe/Berlin", True)
    payload = INTEGRATION_SYNC.parse(schedule.data)
    assert (payload.integration_id, payload.workspace_id) == (integration_id, WORKSPACE)


def test_an_integration_without_one_has_none(world: World) -> None:
    integration_id = world.integrate()
    assert ScheduleStore(world.database).get(schedule_name(integration_id)) is None


@pytest.mark.parametrize("settings", [{"schedule": "every day"}, {"schedule": "* * * * *", "timezone": "Mars/Base"}])
def test_a_schedule_that_is_none_is_refused_before_anything_is_written(world: World, settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        world.integrate(**settings)
    assert world.database["integrations"].count_documents({}) == 0


def test_a_schedule_rests_while_the_integration_needs_attention(world: World) -> None:
    integration_id = world.integrate(schedule="*/15 * * * *")
    schedules = ScheduleStore(world.database)

    def is_on() -> bool:
        schedule = schedules.get(schedule_name(integration_id))
        assert schedule is not None
        return schedule.enabled

    with pytest.raises(Permanent):
        world.sync(integration_id, MemorySource(people(1), faults={0: AuthRejected("revoked")}))
    assert not is_on()
    world.sync(integration_id, MemorySource(people(1)))
    assert is_on()


def test_a_schedule_that_a_person_switched_off_stays_off(world: World) -> None:
    integration_id = world.integrate(schedule="*/15 * * * *")
    world.database["schedules"].update_one({}, {"$set": {"enabled": False}})
    world.sync(integration_id, MemorySource(people(1)))
    schedule = ScheduleStore(world.database).get(schedule_name(integration_id))
    assert schedule is not None
    assert not schedule.enabled
