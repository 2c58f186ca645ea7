"""Fail-overs: another Redis, another MongoDB takes over."""

import time
from contextlib import suppress

import redis

from libs.common.broker.keys import QueueKeys
from libs.common.jobs.registry import contracts
from libs.embedded import RedisServer
from tests.chaos.fault import Fault, Run
from tests.chaos.mongo_set import MongoSet
from tests.chaos.setup import Setup
from tests.chaos.stores import behind_sentinels, with_three_mongos
from tests.chaos.work import Scale
from tests.integration.redis_kinds.servers import SentinelServers, ask
from tests.waiting import wait_until

_LONG = Scale(patience_s=300.0)
_CUT_OFF_S = 4.0
_AWAY_S = 2.0


def fail_over_with_writes_lost(run: Run) -> None:
    """Cut the replica off, let work go on, kill the master: the replica takes over without what came in between."""
    servers = run.world.stores.part(SentinelServers)
    ask(servers.replica, "CONFIG", "SET", "masterauth", "wrong")
    ask(servers.master, "CLIENT", "KILL", "TYPE", "replica")
    time.sleep(_CUT_OFF_S)  # how long the replica learns nothing
    missed = _counted(servers.master) - _counted(servers.replica)
    servers.master.kill()
    run.world.note(f"kill -9 of the master, {missed} changes of queues lost")
    servers.wait_until_replica_leads()
    servers.master.start()
    wait_until(lambda: _follows(servers.master), deadline_s=30, message="the old master follows")


def _counted(server: RedisServer) -> int:
    """How many jobs the queues have started and added."""
    counted = 0
    for contract in contracts().values():
        totals = ask(server, "HGETALL", QueueKeys(contract.queue)["meta"])
        counted += sum(int(totals.get(name, 0)) for name in (b"added", b"started", b"completed"))
    return counted


def _follows(server: RedisServer) -> bool:
    # A server that is told to follow another closes its clients' connections.
    with suppress(redis.ConnectionError):
        return bool(ask(server, "ROLE")[0] == b"slave")
    return False


def _writes_were_lost(run: Run) -> bool:
    missed = int(run.world.injuries[0].what.split()[5])
    return missed > 0 and ask(run.world.stores.part(SentinelServers).replica, "ROLE")[0] == b"master"


def kill_the_primary(run: Run) -> None:
    """kill -9 the primary, twice; each time another member takes over, and the dead one comes back."""
    mongo_set = run.world.stores.part(MongoSet)
    for _ in range(2):
        primary = wait_until(mongo_set.primary, deadline_s=30, message="there is a primary")
        assert primary is not None
        run.world.note(f"kill -9 the primary on port {primary.port}")
        primary.kill()
        mongo_set.await_primary(other_than=primary)
        time.sleep(_AWAY_S)  # how long there are only two
        primary.start()


def _two_were_killed(run: Run) -> bool:
    primary = run.world.stores.part(MongoSet).primary()
    last = run.world.injuries[-1].what.split()[-1]
    return len(run.world.injuries) == 2 and primary is not None and str(primary.port) != last


FAULTS = (
    Fault(
        number=8,
        name="Sentinel fail-over, the last writes lost",
        injure=fail_over_with_writes_lost,
        evidence=_writes_were_lost,
        setup=Setup(stores=behind_sentinels),
        scale=_LONG,
    ),
    Fault(
        number=11,
        name="MongoDB primary of three killed, twice",
        injure=kill_the_primary,
        evidence=_two_were_killed,
        setup=Setup(stores=with_three_mongos),
        scale=_LONG,
    ),
)
