"""A process of one peer: ``python -m benchmarks.queue.child PEER URL produce|work ...``.

A producer obeys commands, each a JSON object on a line of standard input, and answers each with one on standard output.
A worker says that it is loaded, and begins when it is sent a line. Both end when standard input does, so that none is
left over when the bench is killed.
"""

import argparse
import importlib
import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.queue.peers.peer import JobKind, Peer
from benchmarks.queue.tally import Tally, now_us

MODULES = {
    "tuco-jobs": "benchmarks.queue.peers.tuco_jobs:TucoJobs",
    "dramatiq": "benchmarks.queue.peers.stock_dramatiq:StockDramatiq",
    "celery": "benchmarks.queue.peers.celery_redis:CeleryOnRedis",
    "rq": "benchmarks.queue.peers.rq_simple:RqSimple",
    "bare-sockets": "benchmarks.queue.peers.bare_sockets:BareSockets",
}
"""Where each peer's class is; imported by name, so that no process pays for another peer's packages."""


def main(arguments: Sequence[str]) -> None:
    """Runs the process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("peer", choices=MODULES)
    parser.add_argument("url")
    roles = parser.add_subparsers(dest="role", required=True)
    roles.add_parser("produce")
    worker = roles.add_parser("work")
    worker.add_argument("--kind", type=JobKind, required=True)
    worker.add_argument("--concurrency", type=int, required=True)
    worker.add_argument("--report-to", type=int, required=True, metavar="DESCRIPTOR")
    chosen = parser.parse_args(arguments)
    module, _, name = MODULES[chosen.peer].partition(":")
    peer: Peer = getattr(importlib.import_module(module), name)(chosen.url)
    if chosen.role == "produce":
        _produce(peer)
    else:
        tally = Tally(chosen.report_to)
        tally.loaded()
        sys.stdin.readline()
        threading.Thread(target=_end_with_stdin, daemon=True).start()
        peer.work(chosen.kind, tally, concurrency=chosen.concurrency)


def _produce(peer: Peer) -> None:
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "ping":
            peer.enqueue({**command["data"], "sentUs": now_us()})
            answer = {}
        else:
            _enqueue(peer, command, command["warm_up"])
            began = time.perf_counter()
            _enqueue(peer, command, command["count"])
            answer = {"seconds": time.perf_counter() - began}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _enqueue(peer: Peer, command: dict[str, Any], count: int) -> None:
    data, groups = command["data"], command["groups"]

    def payload(i: int) -> dict[str, Any]:
        return {**data, "workspaceId": f"workspace-{i % groups}"}

    if command["do"] == "enqueue_one":
        for i in range(count):
            peer.enqueue(payload(i))
    else:
        size = peer.bulk
        for start in range(0, count, size):
            peer.enqueue_bulk([payload(i) for i in range(start, min(start + size, count))])


def _end_with_stdin() -> None:
    while sys.stdin.readline():
        pass
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
