"""Power: what Redis had written and not yet synced is gone, which with ``everysec`` is a second or so."""

import threading
import time
from pathlib import Path

from libs.embedded import RedisServer
from tests.chaos.disks import ImageDisk, why_no_images
from tests.chaos.fault import Fault, Run
from tests.chaos.setup import Setup
from tests.chaos.stores import redis_in_a_folder, redis_on_an_image
from tests.chaos.work import Scale

_AWAY_S = 2.0
_UNSYNCED_S = 1.5
_LOOK_S = 0.02
_LATE_IN_A_SECOND = 0.8
_LONG = Scale(patience_s=300.0)


def cut_power(run: Run) -> None:
    """Stop Redis, take what is on the disk at that moment, and start Redis on it."""
    server, disk = run.world.redis_server, run.world.stores.part(ImageDisk)
    _await_late_in_a_second()
    server.pause()
    disk.cut_power()
    written = _append_only_file(server).stat().st_size
    server.kill()
    disk.come_back()
    run.world.note(f"power cut: {written - _append_only_file(server).stat().st_size} bytes lost")
    time.sleep(_AWAY_S)  # how long the fault lasts
    server.start()


def cut_back(run: Run) -> None:
    """Kill Redis, and cut what it wrote in the last one and a half seconds off its file."""
    server = run.world.redis_server
    sizes: list[tuple[float, int]] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_LOOK_S):
            sizes.append((time.monotonic(), _append_only_file(server).stat().st_size))

    watching = threading.Thread(target=watch)
    watching.start()
    time.sleep(2 * _UNSYNCED_S)  # so that there is something to cut off
    server.kill()
    killed_at = time.monotonic()
    ended.set()
    watching.join()
    file = _append_only_file(server)
    written, synced = file.stat().st_size, max(size for at, size in sizes if at <= killed_at - _UNSYNCED_S)
    with file.open("r+b") as appended:
        appended.truncate(synced)
    run.world.note(f"power cut: {written - synced} bytes lost")
    time.sleep(_AWAY_S)  # how long the fault lasts
    server.start()


def _await_late_in_a_second() -> None:
    """Redis syncs soon after a second has begun, so late in one there is most to lose."""
    while time.time() % 1.0 < _LATE_IN_A_SECOND:
        time.sleep(_LOOK_S)


def _append_only_file(server: RedisServer) -> Path:
    """The file that Redis appends to; from version 7 on there are several, and the last is the one."""
    return max(server.data_dir.rglob("*.aof"), key=lambda file: file.stat().st_mtime_ns)


def _lost_bytes(run: Run) -> bool:
    return all(int(injury.what.split()[2]) > 0 for injury in run.world.injuries)


FAULTS = (
    Fault(
        number=6,
        name="power loss of Redis (everysec): disk image at the cut",
        injure=cut_power,
        evidence=_lost_bytes,
        setup=Setup(stores=redis_on_an_image),
        scale=_LONG,
        why_not=why_no_images,
    ),
    Fault(
        number=6,
        name="power loss of Redis (everysec): last 1.5 s cut off",
        injure=cut_back,
        evidence=_lost_bytes,
        setup=Setup(stores=redis_in_a_folder),
        scale=_LONG,
    ),
)
