"""The users that ``docs/how-to/redis.md`` gives the services: each can do its work, and nothing else."""

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
from pymongo.database import Database
from redis.exceptions import NoPermissionError

from libs.common.broker import scripts
from libs.common.broker.connection import connect_redis, redis_errors
from libs.common.broker.fetcher import Fetcher
from libs.common.broker.keys import QUEUE_KEYS, QueueKeys
from libs.common.broker.leases import LeaseKeeper
from libs.common.broker.model import JobOptions, Limit, NewJob
from libs.common.broker.queue import JobQueue
from libs.common.broker.scripts import script
from libs.common.budgets.cached_epoch import CachedEpoch
from libs.common.budgets.contract import Granted
from libs.common.budgets.records import RecordReader
from libs.common.budgets.redis_budgets import RedisBudgets
from libs.common.errors import StoreUnavailable
from libs.common.jobs.states import JobState
from libs.common.ledger.redis_epoch import RedisEpoch
from libs.common.settings import Secret, Settings
from libs.common.worker import heartbeat
from libs.common.worker.heartbeat import Heartbeat, Heartbeats
from libs.common.worker.redis_advice import advise_about
from libs.embedded import RedisServer, ports
from services.availability.pacing import Pacer, Wanted
from tests.integration.budgets.factories import wish, workspace
from tests.integration.redis_kinds.servers import ClusterServers, SentinelServers, ask

GUIDE = Path(__file__).parents[3] / "docs" / "how-to" / "redis.md"
LINE = b'{"n":1,"o":"failed","e":"bad","w":"worker","s":1,"d":1}'
HOUR_MS = 3_600_000
FORBIDDEN = ("KEYS *", "SCAN 0", "FLUSHALL", "CONFIG GET *", "ACL LIST", "SCRIPT FLUSH", "SHUTDOWN", "MONITOR")
REFUSED = r"permission|can't access|can't run"

ADDING = {"add", "add_one", "add_ruled"}
WORKING = ADDING | {
    "complete",
    "complete_ruled",
    "dead_letter",
    "defer",
    "end_cancelled",
    "fetch",
    "hand_back",
    "log",
    "reclaim",
    "renew",
    "retry",
    "set_progress",
    "wait_for_children",
}
EVERY = {path.stem for path in Path(scripts.__file__).with_name("scripts").glob("*.lua")}
HEARTBEAT = Path(heartbeat.__file__).with_name("scripts") / "heartbeat.lua"

QUEUES: Mapping[str, tuple[str, ...]] = {
    "gateway": (
        "scheduled-messages",
        "health-check",
        "bulk-availability",
        "integration-sync",
        "message-processing",
        "operations",
    ),
    "scheduler": ("scheduled-messages", "health-check"),
    "messaging": ("scheduled-messages", "message-processing"),
    "availability": ("health-check", "bulk-availability"),
    "sync": ("integration-sync",),
}


def documented() -> dict[str, list[str]]:
    """By user, the words of its line in the guide."""
    (block,) = re.findall(r"```acl\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    lines = [line.split() for line in block.replace("\n  ", " ").splitlines() if line]
    return {words[1]: [word.replace("PASSWORD", "secret") for word in words[2:]] for words in lines}


def extra(kind: str) -> list[str]:
    (block,) = re.findall(rf"```acl-{kind}\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    return [word.replace("PASSWORD", "secret") for word in block.split()]


def client_of(url: str) -> "redis.Redis":
    return connect_redis(Settings(redis_url=Secret(url)))


def job(job_id: str, **fields: Any) -> NewJob:
    return NewJob(job_id=job_id, job_type="work", data={}, **fields)


def adds(queue: JobQueue) -> None:
    """Adds in each of the three ways, so that each command of theirs is used."""
    queue.add([job("one")])
    queue.add([job("two"), job("three"), job("ruled", unique_key="k", options=JobOptions(priority=1))])
    queue.add([job("later", options=JobOptions(delay_ms=HOUR_MS))])


def works(client: "redis.Redis", queue: JobQueue) -> None:
    """All that a worker does with a queue."""
    advise_about(client)
    adds(queue)
    keeper = LeaseKeeper(queue.scripts, lease_ms=HOUR_MS)
    fetcher = Fetcher(queue.scripts, keeper, worker="w", lease_ms=HOUR_MS)
    queue.add([job(f"job-{n}") for n in range(9)])
    taken = {held.job_id: held for held in fetcher.fetch(20).jobs}
    run = queue.scripts.run

    def fence(job_id: str) -> bytes:
        return taken[job_id].fence

    queue.add([job("child", parent_id="job-0")], parent_fence=fence("job-0").decode())
    assert run("renew", HOUR_MS, "job-0", fence("job-0")) == [[], []]
    assert run("set_progress", "job-0", fence("job-0"), b"{}") == 1
    assert run("log", "job-0", fence("job-0"), "line") == 1
    assert run("wait_for_children", "job-0", fence("job-0")) == 1
    assert run("retry", "job-1", fence("job-1"), HOUR_MS, LINE, "bad") == 1
    assert run("defer", "job-2", fence("job-2"), 99_999_999_999_999, "later") == 1
    assert run("dead_letter", "job-3", fence("job-3"), LINE, "bad") == 1
    assert run("hand_back", "job-4", fence("job-4")) == 1
    assert run("end_cancelled", "job-5", fence("job-5")) == 1
    assert run("complete", "job-6", fence("job-6")) == []
    assert run("complete_ruled", "job-7", fence("job-7"), b'{"c":1,"a":1000,"r":"1","n":{"x":1}}') == []
    assert run("reclaim", "w", HOUR_MS, 0, "job-8") >= 1
    with redis_errors():
        assert client.bzpopmin(queue.keys["wake"].decode(), 1)


def decides(queue: JobQueue) -> None:
    """All that the gateway does with a queue that it does not work on."""
    adds(queue)
    assert queue.get("one") is not None
    assert queue.known(["one"]) == {"one"}
    assert queue.ended(["one"]) == set()
    assert queue.stats().counts["waiting"] == 3
    assert queue.browse(JobState.WAITING).jobs
    assert queue.browse(JobState.FAILED).jobs == ()
    assert queue.promote("later")
    assert queue.cancel("later") == "cancelled"
    assert not queue.retry("one")
    assert not queue.remove("one")
    queue.pause()
    queue.resume()
    queue.set_weight("w", 2)
    queue.set_limit("line", Limit(at_once=1))
    queue.pause_key("line", datetime.now(UTC))
    assert queue.events(after="0")
    assert queue.events_kept() is not None


def keeps_epoch(client: "redis.Redis") -> None:
    epoch = RedisEpoch(client)
    assert epoch.current() == epoch.current()
    epoch.check_room()


def keeps_budgets(client: "redis.Redis", database: Database[dict[str, Any]]) -> None:
    epoch = RedisEpoch(client)
    budgets = RedisBudgets(client, RecordReader(database, region="US"), redis_epoch=CachedEpoch(epoch.current))
    asked = wish(new=True)
    assert budgets.reserve(workspace(), asked) == Granted()
    assert budgets.still_reserved(workspace(), asked)
    assert budgets.loads(workspace())
    budgets.give_back(workspace().workspace_id, asked)


def keeps_pace(client: "redis.Redis") -> None:
    wanted = [Wanted(line_id=line, moments=2, rate=10) for line in ("a", "b")]
    given = asyncio.run(Pacer(client).reserve(wanted, horizon_s=2))
    assert [reserved.moments for reserved in given] == [2, 2]


def does_its_work(service: str, client: "redis.Redis", database: Database[dict[str, Any]]) -> None:
    for name in QUEUES[service]:
        queue = JobQueue(client, name)
        match service:
            case "gateway" if name != "operations":
                decides(queue)
            case "scheduler":
                adds(queue)
            case _:
                works(client, queue)
    more: Mapping[str, Callable[[], None]] = {
        "gateway": lambda: keeps_epoch(client),
        "messaging": lambda: keeps_budgets(client, database),
        "availability": lambda: keeps_pace(client),
    }
    more.get(service, lambda: None)()
    if service != "scheduler":
        Heartbeats(client).beat("w", Heartbeat(service=service, queues=QUEUES[service]))
        assert Heartbeats(client).seen()
    with redis_errors():
        assert client.ping()


@pytest.mark.parametrize("service", QUEUES)
def test_each_service_can_do_its_work(binary: Path, service: str, mongo_database: Database[dict[str, Any]]) -> None:
    with RedisServer(binary=binary) as server:
        ask(server, "ACL", "SETUSER", service, *documented()[service])
        does_its_work(service, client_of(f"redis://{service}:secret@{ports.HOST}:{server.port}/0"), mongo_database)


@pytest.mark.parametrize("service", QUEUES)
def test_each_service_can_do_its_work_in_a_cluster(
    acl_cluster: ClusterServers, service: str, mongo_database: Database[dict[str, Any]]
) -> None:
    for node in acl_cluster.nodes:
        ask(node, "FLUSHALL")
        ask(node, "ACL", "SETUSER", service, *documented()[service], *extra("cluster"))
    url = acl_cluster.url.replace("://", f"://{service}:secret@")
    does_its_work(service, client_of(url), mongo_database)


def test_a_worker_s_user_can_follow_a_slot_that_is_being_moved(acl_cluster: ClusterServers) -> None:
    for node in acl_cluster.nodes:
        ask(node, "ACL", "SETUSER", "sync", *documented()["sync"], *extra("cluster"))
    client: Any = client_of(acl_cluster.url.replace("://", "://sync:secret@"))
    wake = QueueKeys("integration-sync")["wake"].decode()
    client.bzpopmin(wake, 0.1)
    slot, source = client.keyslot(wake), acl_cluster.owner_of(wake)
    target = next(node for node in acl_cluster.nodes if node is not source)
    source_id, target_id = (ask(node, "CLUSTER", "MYID").decode() for node in (source, target))
    ask(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
    ask(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
    try:
        assert client.bzpopmin(wake, 0.1) is None
    finally:
        for node in (target, source):
            ask(node, "CLUSTER", "SETSLOT", slot, "STABLE")


@pytest.fixture(scope="module")
def acl_cluster() -> Any:
    with ClusterServers() as cluster:
        yield cluster


def test_the_sentinels_user_can_find_the_master() -> None:
    with SentinelServers() as servers:
        _user, name, *words = extra("sentinel")
        for sentinel in servers.sentinels:
            ask(sentinel, "ACL", "SETUSER", name, *words)
        options = f"?sentinel_username={name}&sentinel_password=secret"
        assert JobQueue(client_of(servers.url + options), "sync").stats()


@pytest.mark.parametrize("service", QUEUES)
def test_no_service_has_a_command_that_its_scripts_and_calls_do_not_use(service: str) -> None:
    chosen = {"gateway": EVERY, "scheduler": ADDING}.get(service, WORKING)
    used = {"evalsha", "eval", "ping"}.union(*(_commands(script(name).source) for name in chosen))
    if service != "scheduler":
        used |= {"info", *_commands(HEARTBEAT.read_text())}
    if service != "scheduler":
        used |= {"bzpopmin"}
    used |= {
        "gateway": {"get", "set", "xread"},
        "messaging": _budget_commands(),
        "availability": {"pexpire"},
    }.get(service, set())
    assert {word[1:] for word in documented()[service] if word.startswith("+")} == used


@pytest.mark.parametrize("service", QUEUES)
def test_no_service_can_do_anything_else(binary: Path, service: str) -> None:
    with RedisServer(binary=binary) as server:
        ask(server, "ACL", "SETUSER", service, *documented()[service])
        client: Any = client_of(f"redis://{service}:secret@{ports.HOST}:{server.port}/0")
        for command in FORBIDDEN:
            with pytest.raises(NoPermissionError):
                client.execute_command(*command.split())
        for name in {queue for each in QUEUES.values() for queue in each} - set(QUEUES[service]):
            with pytest.raises(StoreUnavailable, match=REFUSED):
                JobQueue(client, name).add([job("one")])
        for foreign in ("tuco:other", "other", *([] if service in ("gateway", "messaging") else ["tuco:epoch"])):
            with pytest.raises(redis.ResponseError, match=REFUSED):
                client.eval("return redis.call('HGET', KEYS[1], 'a')", 1, foreign)
        with pytest.raises(NoPermissionError):
            client.publish("channel", "word")


def test_the_patterns_cover_every_key_of_a_queue_and_no_other_queue_s() -> None:
    for service, names in QUEUES.items():
        patterns = [word[1:] for word in documented()[service] if word.startswith("~tuco:{") and "}:*" in word]
        for name in names:
            keys = QueueKeys(name)
            assert all(any(keys[part].decode().startswith(p[:-1]) for p in patterns) for part in QUEUE_KEYS)


def _commands(source: str) -> set[str]:
    return {word.lower() for word in re.findall(r"'([A-Z]{3,})'", source)} - {"limit", "maxlen", "withscores", "count"}


def _budget_commands() -> set[str]:
    folder = Path(scripts.__file__).parents[1] / "budgets" / "scripts"
    inner = {word for path in folder.glob("*.lua") for word in re.findall(r'redis\.call\("([A-Z]+)"', path.read_text())}
    direct = {"get", "set", "hexists", "hget", "zadd", "hset", "pexpire", "pexpireat", "script|load"}
    return direct | {word.lower() for word in inner}
