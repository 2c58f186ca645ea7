"""Faults of the stores: killed, emptied, filled, frozen."""

import time
from typing import Any

import redis

from libs.embedded import MongoServer, RedisServer
from tests.chaos.fault import Fault, Run
from tests.chaos.frozen import is_stopped
from tests.chaos.setup import LEASE_S
from tests.chaos.work import Scale
from tests.waiting import wait_until

_AWAY_S = 2.0
_FROZEN_S = 2 * LEASE_S
_FULL = 507, 503, 429
_LONG = Scale(patience_s=300.0)


def kill_redis(run: Run) -> None:
    """kill -9 Redis, leave it away for a moment, start it again on its data."""
    _kill_and_start(run, run.world.redis_server, "Redis")


def kill_mongo(run: Run) -> None:
    """kill -9 MongoDB, leave it away for a moment, start it again on its data."""
    _kill_and_start(run, run.world.mongo_server, "MongoDB")


def _kill_and_start(run: Run, server: RedisServer | MongoServer, name: str) -> None:
    before = server.pid
    server.kill()
    run.world.note(f"kill -9 {name}, process {before}")
    time.sleep(_AWAY_S)  # how long the fault lasts
    server.start()
    assert server.pid != before, f"{name} was never away"


def flush_redis(run: Run) -> None:
    """FLUSHALL, twice: Redis forgets everything that it knows."""
    for _ in range(2):
        forgotten = _size(run.world.redis)
        run.world.redis.flushall()
        run.world.note(f"FLUSHALL of {forgotten} keys")
        wait_until(lambda: _size(run.world.redis) > 0, deadline_s=60, message="Redis knows something again")


def _flushed(run: Run) -> bool:
    forgotten = [int(injury.what.split()[2]) for injury in run.world.injuries]
    calls: dict[str, Any] = run.world.redis.info("commandstats")
    return min(forgotten) > 0 and calls["cmdstat_flushall"]["calls"] >= len(forgotten)


def fill_redis(run: Run) -> None:
    """Set Redis's memory limit below what it uses, so that it refuses to grow, and lift it again."""
    memory: dict[str, Any] = run.world.redis.info("memory")
    run.world.redis.config_set("maxmemory", int(memory["used_memory"]) // 2)
    run.world.note("maxmemory below what is used")
    wait_until(
        lambda: any(run.producer.accepted.statuses[status] for status in _FULL),
        deadline_s=30,
        message="the gateway refuses work",
    )
    time.sleep(LEASE_S)  # how long the fault lasts on
    run.world.redis.config_set("maxmemory", 0)


def _work_was_refused(run: Run) -> bool:
    return any(run.producer.accepted.statuses[status] for status in _FULL)


def freeze_redis(run: Run) -> None:
    """SIGSTOP Redis for twice a lease: connections stay open, nothing answers."""
    _freeze(run, run.world.redis_server, "Redis")


def freeze_mongo(run: Run) -> None:
    """SIGSTOP MongoDB for twice a lease: connections stay open, nothing answers."""
    _freeze(run, run.world.mongo_server, "MongoDB")


def _freeze(run: Run, server: RedisServer | MongoServer, name: str) -> None:
    server.pause()
    run.world.note(f"SIGSTOP {name}")
    time.sleep(_FROZEN_S)  # how long the fault lasts
    stopped = is_stopped(server.pid)
    server.resume()
    assert stopped, f"{name} was not frozen to the end"


def _injured(run: Run) -> bool:
    return bool(run.world.injuries)


def _size(client: "redis.Redis") -> int:
    return int(client.dbsize())


FAULTS = (
    Fault(number=5, name="Redis killed and started again", injure=kill_redis, evidence=_injured),
    Fault(number=7, name="Redis emptied (FLUSHALL), twice", injure=flush_redis, evidence=_flushed, scale=_LONG),
    Fault(number=11, name="MongoDB killed and started again (one node)", injure=kill_mongo, evidence=_injured),
    Fault(number=17, name="Redis at its memory limit", injure=fill_redis, evidence=_work_was_refused, scale=_LONG),
    Fault(number=19, name="Redis frozen past the leases (half-open TCP)", injure=freeze_redis, evidence=_injured),
    Fault(number=19, name="MongoDB frozen past the leases (half-open TCP)", injure=freeze_mongo, evidence=_injured),
)
