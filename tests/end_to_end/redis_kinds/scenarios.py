"""What happens to a Redis while jobs flow; each scenario answers what became of the jobs."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError

from libs.common.broker.model import JobOptions, NewJob
from libs.common.jobs.message_processing import MESSAGE_PROCESSING
from tests.end_to_end.redis_kinds.stage import LEASE_MS, Outcome, Stage
from tests.integration.redis_kinds.servers import ClusterServers, SentinelServers, ask
from tests.waiting import wait_until

MakeStage = Callable[[str], Stage]
"""Makes the stage for a Redis URL."""

SLEEPERS = 20_000
"""Jobs of 1 KB that are not due; they make the queue's hashes large, and none of them may go missing."""

_PASSWORD = "swordfish"


def slot_moved(make: MakeStage) -> Outcome:
    """The queue's slot moves to a new node and on to an old one, with 20 MB in it, while jobs flow."""
    with ClusterServers(spare=1) as cluster:
        stage = make(cluster.url)
        with stage.running():
            _add_sleepers(stage)
            key = stage.queue.keys["jobs"]
            for target in (cluster.nodes[3], next(n for n in cluster.nodes[:3] if n is not cluster.owner_of(key))):
                moved = cluster.move(key, target)
                assert moved > 4, moved
                assert cluster.owner_of(key) is target
                stage.wait_for_more(50)
        assert stage.queue.stats().counts["delayed"] == SLEEPERS
        return stage.outcome("cluster: slot moved twice, 20 MB in it")


def slot_moved_slowly(make: MakeStage) -> Outcome:
    """The slot is between two nodes for longer than a lease lasts."""
    with ClusterServers(spare=1) as cluster:
        stage = make(cluster.url)
        with stage.running():
            cluster.move(stage.queue.keys["jobs"], cluster.nodes[3], between=lambda: time.sleep(LEASE_MS / 1000 / 5))
            stage.wait_for_more(50)
        return stage.outcome("cluster: slot between nodes for longer than a lease")


def cluster_node_killed(make: MakeStage) -> Outcome:
    """The node that has the queue is killed, and comes back with what its append-only file holds."""
    with ClusterServers() as cluster:
        stage = make(cluster.url)
        with stage.running():
            owner = cluster.owner_of(stage.queue.keys["jobs"])
            owner.kill()
            owner.start()
            cluster.wait_until_up()
            stage.wait_for_more(50)
        return stage.outcome("cluster: node killed -9 and started again")


def master_killed(make: MakeStage) -> Outcome:
    """The master is killed while its replica keeps up; the old master comes back as a replica."""
    with SentinelServers() as servers:
        stage = make(servers.url)
        with stage.running():
            servers.master.kill()
            servers.wait_until_replica_leads()
            stage.wait_for_more(50)
            servers.master.start()
            wait_until(lambda: _role(servers) == b"slave", deadline_s=30, message="the old master follows")
            stage.wait_for_more(50)
        return stage.outcome("sentinel: master killed -9, replica in step")


def master_killed_with_writes_lost(make: MakeStage) -> Outcome:
    """The master is killed after its replica has been cut off for a while: what came in between is gone."""
    with SentinelServers(password=_PASSWORD, config={"repl-timeout": 60}) as servers:
        stage = make(servers.url)
        with stage.running():
            ask(servers.replica, "CONFIG", "SET", "masterauth", "wrong")
            ask(servers.master, "CLIENT", "KILL", "TYPE", "replica")
            stage.wait_for_more(100)
            stage.offer(200)
            servers.master.kill()
            servers.wait_until_replica_leads()
            stage.wait_for_more(50)
        return stage.outcome("sentinel: master killed -9, last writes lost")


def _add_sleepers(stage: Stage) -> None:
    data: Mapping[str, Any] = {"messageId": "0" * 24, "workspaceId": "w", "more": "x" * 1_000}
    options = JobOptions(delay_ms=3_600_000)
    for first in range(0, SLEEPERS, 500):
        stage.queue.add(
            [
                NewJob(job_id=f"sleeper-{n}", job_type=MESSAGE_PROCESSING.job_type, data=data, options=options)
                for n in range(first, first + 500)
            ]
        )


def _role(servers: SentinelServers) -> bytes:
    try:
        role: bytes = ask(servers.master, "ROLE")[0]
    except RedisConnectionError:
        # A server that is told to follow another closes its clients' connections.
        return b"unknown"
    return role


ALL: tuple[Callable[[MakeStage], Outcome], ...] = (
    slot_moved,
    slot_moved_slowly,
    cluster_node_killed,
    master_killed,
    master_killed_with_writes_lost,
)
