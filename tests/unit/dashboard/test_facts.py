"""What is known while a store is frozen."""

from dataclasses import replace
from typing import NoReturn, cast

import pytest

from services.gateway.dashboard.facts import NO_PACE, facts_of
from services.gateway.dashboard.parts import Lines, Pace, Parts, Schedules
from services.gateway.health import Health, Part
from tests.unit.dashboard.world import World


class Frozen:
    """Never asked: an answer would take as long as a time-out."""

    def all(self, *_: object) -> NoReturn:
        pytest.fail("a store that is down was asked")

    def __call__(self) -> Pace:
        pytest.fail("a store that is down was asked")


def parts_with(world: World, **down: bool) -> Parts:
    known = {name: Part(status="down" if is_down else "up") for name, is_down in down.items()}
    return replace(world.parts, health=lambda: Health(status="unavailable", parts=known))


def test_a_frozen_redis_is_not_asked() -> None:
    parts = replace(parts_with(World(), redis=True, mongodb=False), pace=Frozen())

    assert facts_of(parts).workers == NO_PACE.workers


def test_a_frozen_mongodb_is_not_asked() -> None:
    frozen = Frozen()
    parts = parts_with(World(), redis=False, mongodb=True)
    parts = replace(parts, lines=cast(Lines, frozen), schedules=cast(Schedules, frozen))

    facts = facts_of(parts)
    assert [queue.queue for queue in facts.queues] == ["integration-sync", "message-processing"]
    assert facts.lines == ()
