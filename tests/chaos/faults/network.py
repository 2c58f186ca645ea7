"""Faults of the network: workers cut off from a store, and bad ways to Redis, MongoDB and the provider."""

import time
from collections.abc import Callable

from libs.cli.supervisor import SupervisedProcess
from libs.common.jobs.bulk_availability import BULK_AVAILABILITY
from libs.common.jobs.message_processing import MESSAGE_PROCESSING
from tests.chaos.at_work import freeze_at_work
from tests.chaos.fault import Fault, Run
from tests.chaos.setup import AVAILABILITY, LEASE_S, MESSAGING, Setup
from tests.chaos.stores import (
    behind_a_wire_to_mongo,
    behind_a_wire_to_redis,
    beside_a_wire_to_mongo,
    beside_a_wire_to_redis,
    mongo_through,
    redis_through,
)
from tests.chaos.wire import Network, Wire
from tests.chaos.work import Scale
from tests.chaos.world import World

_QUEUES = {AVAILABILITY: BULK_AVAILABILITY.queue, MESSAGING: MESSAGE_PROCESSING.queue}
"""Where one worker each is cut off; checks first, whose work is the first to be done."""
_CUT_OFF_S = 2.5 * LEASE_S
_BAD = (Network.SLOW, Network.RESETTING, Network.CUTTING, Network.SILENT)
_BAD_S = 4.0
_LONG = Scale(patience_s=300.0)


def _victims(world: World) -> list[SupervisedProcess]:
    """One worker of each kind."""
    return [world.processes(name)[0] for name in _QUEUES]


def _behind(setting: str, address: Callable[[Wire], str]) -> Callable[[World], None]:
    """What puts one worker of each kind behind the wire to a store, by the setting that says where the store is."""

    def prepare(world: World) -> None:
        for victim in _victims(world):
            world.restart_with(victim, {setting: address(world.stores.part(Wire))})

    return prepare


def cut_off(run: Run) -> None:
    """Let nothing pass between one worker of each kind, jobs in hand, and a store for two and a half leases."""
    wire = run.world.stores.part(Wire)
    held: list[tuple[SupervisedProcess, int]] = []
    # They stand still for a moment, so that all have jobs in hand when the network falls silent.
    for name, queue in _QUEUES.items():
        victim = run.world.processes(name)[0]
        held.append((victim, freeze_at_work(run.world, victim, queue)))
    wire.become(Network.SILENT)
    for victim, jobs in held:
        victim.resume()
        run.world.note(f"{victim.name} is cut off with {jobs} jobs in hand")
        assert jobs, f"{victim.name} was never seen at work"
    time.sleep(_CUT_OFF_S)  # how long the fault lasts
    wire.become(Network.WELL)


def _was_silent(run: Run) -> bool:
    return run.world.stores.part(Wire).met[Network.SILENT] > 0


def go_bad(wire: Callable[[World], Wire]) -> Callable[[Run], None]:
    """What lets a network be slow, reset, cut and silent, for four seconds each."""

    def injure(run: Run) -> None:
        for state in _BAD:
            wire(run.world).become(state)
            run.world.note(f"the network is {state.name.lower()}")
            time.sleep(_BAD_S)  # how long the fault lasts
        wire(run.world).become(Network.WELL)

    return injure


def went_bad(wire: Callable[[World], Wire]) -> Callable[[Run], bool]:
    """Whether traffic met the network in every one of these states."""
    return lambda run: all(wire(run.world).met[state] > 0 for state in _BAD)


def _to_store(world: World) -> Wire:
    return world.stores.part(Wire)


def _to_lines(world: World) -> Wire:
    if world.lines_wire is None:
        raise LookupError("the lines are not behind a wire")
    return world.lines_wire


def _bad_way(to: str, wire: Callable[[World], Wire], setup: Setup) -> Fault:
    """The network to somebody gone bad in every way."""
    return Fault(
        number=19,
        name=f"TCP to {to} slow, reset, truncated, half-open",
        injure=go_bad(wire),
        evidence=went_bad(wire),
        setup=setup,
        scale=_LONG,
    )


FAULTS = (
    Fault(
        number=9,
        name="workers cut off from Redis past their leases, then back",
        injure=cut_off,
        evidence=_was_silent,
        setup=Setup(stores=beside_a_wire_to_redis, prepare=_behind("REDIS_URL", redis_through)),
        ends_once=True,
    ),
    Fault(
        number=10,
        name="workers cut off from MongoDB past their leases, then back",
        injure=cut_off,
        evidence=_was_silent,
        setup=Setup(stores=beside_a_wire_to_mongo, prepare=_behind("MONGODB_URI", mongo_through)),
        ends_once=True,
    ),
    _bad_way("Redis", _to_store, Setup(stores=behind_a_wire_to_redis)),
    _bad_way("MongoDB", _to_store, Setup(stores=behind_a_wire_to_mongo)),
    _bad_way("the provider", _to_lines, Setup(lines_behind_a_wire=True)),
)
