"""``python -m benchmarks.queue.wakefulness``: what one call costs while everything is awake, and after a short sleep.

An idle worker starts a job in a few calls to Redis. On a machine where idle processors sleep, and lose what they had in
their caches, the same call takes several times as long after a pause as in a loop: in our code, and in Redis's own
execution of the script. The table tells how much of a pick-up that is.
"""

import random
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from statistics import median
from typing import Any

import redis
from rich.console import Console
from rich.table import Table

from benchmarks.queue.peers.tuco_jobs import new_bench_job
from benchmarks.queue.rows import DATA
from libs.common.broker.connection import connect_redis
from libs.common.broker.queue import JobQueue
from libs.common.broker.scripts import script
from libs.common.settings import Secret, Settings
from libs.embedded.redis_server import RedisServer

_TIMES = 150
_SCRIPTS = {"add a job": "add_one", "take it": "fetch", "complete it": "complete"}
_PAUSES_S = (0.02, 0.2)
_NO_PAUSE = (0.0, 0.0)


def main() -> None:
    """Measures, and prints the table."""
    shown = Table(title="One call in microseconds, medians")
    for heading in ("call", "awake", "in Redis", "after a pause", "in Redis"):
        shown.add_column(heading, justify="left" if heading == "call" else "right")
    with RedisServer(config={"slowlog-log-slower-than": "0", "slowlog-max-len": "10000"}) as server:
        client = connect_redis(Settings(redis_url=Secret(server.url)))
        with closing(client):
            awake, rested = (_measured(client, pauses_s) for pauses_s in (_NO_PAUSE, _PAUSES_S))
    for step in awake:
        shown.add_row(step, *(f"{us:,.0f}" for us in (*awake[step], *rested[step])))
    Console().print(shown)


def _measured(client: "redis.Redis", pauses_s: tuple[float, float]) -> dict[str, tuple[float, float]]:
    """Per step, how long the caller waited and how long Redis worked, in microseconds."""
    queue = JobQueue(client, "wakefulness")
    rng = random.Random(1)
    waited: dict[str, list[float]] = {step: [] for step in _SCRIPTS}

    def timed(step: str, call: Callable[[], Any]) -> Any:
        time.sleep(rng.uniform(*pauses_s))
        began = time.perf_counter()
        answer = call()
        waited[step].append((time.perf_counter() - began) * 1_000_000)
        return answer

    client.slowlog_reset()
    for _ in range(_TIMES):
        timed("add a job", partial(_add, queue))
        taken = timed("take it", partial(queue.scripts.run, "fetch", 8, "worker", 15_000, 0))
        job_id, fence = taken[7], taken[4] + 1
        timed("complete it", partial(queue.scripts.run, "complete", job_id, fence))
    worked = _worked_us(client)
    return {step: (median(waited[step]), worked[name]) for step, name in _SCRIPTS.items()}


def _add(queue: JobQueue) -> None:
    queue.add([new_bench_job(DATA)])


def _worked_us(client: "redis.Redis") -> dict[str, float]:
    """Per script, the microseconds that Redis itself spent on one run (https://redis.io/docs/latest/commands/slowlog/)."""
    names = {script(name).sha: name for name in _SCRIPTS.values()}
    spent: dict[str, list[float]] = {name: [] for name in names.values()}
    for entry in client.slowlog_get(10_000):
        command, *words = entry["command"].decode().split(" ")
        if command == "EVALSHA" and words[0] in names:
            spent[names[words[0]]].append(entry["duration"])
    return {name: median(all_us) for name, all_us in spent.items()}


if __name__ == "__main__":
    main()
