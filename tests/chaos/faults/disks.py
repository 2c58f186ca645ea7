"""Full disks under the stores."""

import time

from libs.embedded import MongoServer
from tests.chaos.disks import SmallDisk, why_no_mounts
from tests.chaos.fault import Fault, Run
from tests.chaos.setup import LEASE_S, Setup
from tests.chaos.stores import mongo_on_a_small_disk, redis_on_a_small_disk
from tests.chaos.work import Scale
from tests.waiting import wait_until

_LONG = Scale(patience_s=300.0)
_BITES_S = 60.0


def fill_under_redis(run: Run) -> None:
    """Leave Redis no room for its file, so that it refuses to write, and make room again."""
    disk = run.world.stores.part(SmallDisk)
    run.world.note(f"disk under Redis full, {disk.fill()} bytes of ballast")
    wait_until(lambda: _write_status(run) == "err", deadline_s=_BITES_S, message="Redis cannot write its file")
    run.world.note("Redis refuses writes")
    time.sleep(LEASE_S)  # how long the fault lasts on
    disk.free()


def _write_status(run: Run) -> str:
    status: str = run.world.redis.info("persistence")["aof_last_write_status"]
    return status


def fill_under_mongo(run: Run) -> None:
    """Leave MongoDB no room for its data; it ends itself, and a person makes room and starts it again."""
    disk, server = run.world.stores.part(SmallDisk), run.world.mongo_server
    run.world.note(f"disk under MongoDB full, {disk.fill()} bytes of ballast")
    wait_until(lambda: not server.running, deadline_s=_BITES_S, message="MongoDB gives up")
    run.world.note("MongoDB has ended itself")
    time.sleep(LEASE_S)  # how long the fault lasts on
    disk.free()
    _start_again(server)


def _start_again(server: MongoServer) -> None:
    port = server.port
    server.start()
    assert server.port == port, "MongoDB came back elsewhere"


def _bit(run: Run) -> bool:
    """The fault waits for its own effect, and notes it."""
    return len(run.world.injuries) == 2


FAULTS = (
    Fault(
        number=16,
        name="disk full under Redis",
        injure=fill_under_redis,
        evidence=_bit,
        setup=Setup(stores=redis_on_a_small_disk),
        scale=_LONG,
        why_not=why_no_mounts,
    ),
    Fault(
        number=16,
        name="disk full under MongoDB",
        injure=fill_under_mongo,
        evidence=_bit,
        setup=Setup(stores=mongo_on_a_small_disk),
        scale=_LONG,
        why_not=why_no_mounts,
    ),
)
