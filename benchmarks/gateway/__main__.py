"""``python -m benchmarks.gateway``: taking jobs in, beside Express with BullMQ, which keeps no ledger.

Requests come at a fixed rate, latency counted from the moment at which each was to be sent; then as many as 64
connections can carry; then jobs by the batch. Each server has a Redis of its own, and ours MongoDB beside. The load
generator tells what it took of its processor: where that is near 100 %, it is what was measured.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.figures import BULLMQ, OURS, Goal, Measured, write_json
from benchmarks.processes import Talking, in_node, in_python, node_is_missing, talking
from libs.common.broker.connection import connect_redis
from libs.common.settings import Secret, Settings
from libs.common.stores.collections import JOBS, create_collections
from libs.common.stores.mongo import connect_mongo
from libs.embedded import MongoServer, RedisServer, ports

_TOKEN = "benchmark-service"
_CONNECTIONS = 64
_BATCH = 1_000
_BATCHING_CONNECTIONS = 4
_START_S = 60.0
_UNLIMITED = 1_000_000
_MESSAGES_PER_LOAD = 10_000_000


@dataclass(frozen=True, slots=True)
class Server:
    """A server under load.

    Args:
        name: among the peers.
        url: below which ``/jobs`` and ``/jobs/batch`` are.
        process: the server's.
        empty: forgets all jobs, so that none waits from an earlier load.
    """

    name: str
    url: str
    process: Talking
    empty: Callable[[], object]


class Loads:
    """Loads servers, with messages that none has seen before."""

    def __init__(self, generator: Talking, seconds: float) -> None:
        self._generator = generator
        self._seconds = seconds
        self._loads = 0

    def put_on(self, server: Server, *, rate: float = 0, batch: int = 0) -> dict[str, Any]:
        """One load; what the generator tells of it, and what the server took of its processor per request.

        Raises:
            RuntimeError: the server refused something or left it without an answer.
        """
        wish = {
            "url": f"{server.url}/jobs{'/batch' if batch else ''}",
            "token": _TOKEN,
            "seconds": self._seconds,
            "connections": _BATCHING_CONNECTIONS if batch else _CONNECTIONS,
            "rate": rate,
            "batch": batch,
            "first": self._loads * _MESSAGES_PER_LOAD,
        }
        self._loads += 1
        server.empty()
        cpu_s = server.process.cpu_s
        self._generator.say(wish)
        told = self._generator.hear(within_s=self._seconds + _START_S)
        if told["unanswered"] or set(told["statuses"]) - {"200", "202"}:
            raise RuntimeError(f"{server.name} at {rate:g} a second: {told}")
        return {**told, "cpuUs": (server.process.cpu_s - cpu_s) / max(1, told["good"]) * 1e6}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gateway", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="how long each load lasts (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=2, help="how often each is measured (default %(default)s)")
    parser.add_argument("--quick", action="store_true", help="short loads: to see that it runs, not to quote")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    options = parser.parse_args(arguments)
    seconds, rounds = (2.0, 1) if options.quick else (options.seconds, options.rounds)
    found = Measured()
    with ExitStack() as stack:
        loads = Loads(stack.enter_context(talking(in_python("benchmarks.load"))), seconds)
        servers = [stack.enter_context(ours())]
        if missing := node_is_missing("bullmq", "express"):
            print(f"The reference is left out: {missing}. There will be no ratios.")
        else:
            servers.append(stack.enter_context(express()))
        for server in servers:
            loads.put_on(server, rate=100)
        for _ in range(rounds):
            for rate in (200, 1_000):
                for server in servers:
                    _note_latency(loads.put_on(server, rate=rate), rate, server.name, found)
            for server in servers:
                _note_throughput(loads.put_on(server), server.name, found)
            for server in servers:
                told = loads.put_on(server, batch=_BATCH)
                goal = Goal(at_least=50_000)
                found.note("gateway_batch", server.name, told["perSecond"] * _BATCH, "jobs/s", goal)
                found.note("gateway_batch_cpu", server.name, told["cpuUs"] / _BATCH, "µs/job")
    if options.json:
        write_json(found.figures(), options.json)
    return 0


def _note_latency(told: dict[str, Any], rate: int, peer: str, found: Measured) -> None:
    row = f"gateway_{rate}_per_s"
    found.note(f"{row}_p50", peer, told["p50Ms"], "ms")
    found.note(f"{row}_p99", peer, told["p99Ms"], "ms", Goal(at_most=25) if rate == 1_000 else None)


def _note_throughput(told: dict[str, Any], peer: str, found: Measured) -> None:
    found.note("gateway_max", peer, told["perSecond"], "requests/s", Goal(at_least_ratio=0.5))
    found.note("gateway_max_p99", peer, told["p99Ms"], "ms")
    found.note("gateway_max_cpu", peer, told["cpuUs"], "µs/request")
    found.note("gateway_max_generator", peer, told["ownCpu"] * 100, "% of a core")


@contextmanager
def ours() -> Iterator[Server]:
    """Our gateway, started as in production: a ledger with majority writes, tokens, metrics, a log."""
    port = ports.choose()
    with RedisServer() as redis_server, MongoServer(cache_gb=1) as mongo_server:
        uri = mongo_server.uri_for("benchmark")
        settings = Settings(redis_url=Secret(redis_server.url), mongodb_uri=Secret(uri))
        database = connect_mongo(settings, service="benchmark")
        create_collections(database)

        def empty() -> None:
            database.drop_collection(JOBS)
            create_collections(database)
            connect_redis(settings).flushall()

        environ = {
            "REDIS_URL": redis_server.url,
            "MONGODB_URI": uri,
            "SERVICE_TOKEN": _TOKEN,
            "ADMIN_TOKEN": "benchmark-admin",
            "PORT": str(port),
            "GATEWAY_HOST": "127.0.0.1",
            "REQUESTS_PER_SECOND": str(_UNLIMITED),
        }
        with talking(in_python("services.gateway"), environ=environ, stderr=subprocess.DEVNULL) as process:
            url = f"http://127.0.0.1:{port}"
            _await(url)
            yield Server(OURS, f"{url}/api/bullmq", process, empty)


@contextmanager
def express() -> Iterator[Server]:
    """The reference."""
    with RedisServer() as redis_server:
        command = in_node("gateway.js", json.dumps({"redis": redis_server.url, "token": _TOKEN}))
        with talking(command, environ={"NODE_ENV": "production"}) as process:
            client = connect_redis(Settings(redis_url=Secret(redis_server.url)))
            yield Server(BULLMQ, process.hear()["url"], process, client.flushall)


def _await(url: str) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        try:
            httpx.get(f"{url}/api/bullmq/health")
        except httpx.HTTPError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    sys.exit(main())
