"""``python -m benchmarks.http_clients``: what a question to a provider costs by each HTTP client, on each event loop.

400 questions in flight to a provider that takes 20 ms, as the availability worker asks them; the worker's choice, in
:mod:`libs.common.providers.fast_transport`, rests on this table. Each client runs in a process of its own.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import httpx
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.processes import in_python, talking
from libs.common.http import async_client
from libs.common.providers.fast_transport import FastTransport
from libs.common.providers.sure_transport import SureTransport
from libs.common.providers.transport import NoReply

IN_FLIGHT = 400
_TIMEOUT = timedelta(seconds=10)
_QUESTION = "/api/v1/handle/availability/imessage?password=benchmark&address=%2B1212555{:07}"

Ask = Callable[[str], Awaitable[Any]]


async def _aiohttp() -> Ask:
    return SureTransport(async_client(timeout=_TIMEOUT)).get


async def _httpx() -> Ask:
    limits = httpx.Limits(max_connections=IN_FLIGHT, max_keepalive_connections=IN_FLIGHT)
    return httpx.AsyncClient(limits=limits, timeout=10, trust_env=False).get


async def _pyreqwest() -> Ask:
    return FastTransport(timeout=_TIMEOUT).get


_CLIENTS = {"aiohttp": _aiohttp, "pyreqwest": _pyreqwest, "httpx": _httpx}
_LOOPS = ("asyncio", "uvloop")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.http_clients", description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000, help="calls per client (default %(default)s)")
    parser.add_argument("--client", choices=_CLIENTS, help="only this one, in this process; tells JSON")
    parser.add_argument("--loop", choices=_LOOPS, default=_LOOPS[0], help="its event loop (default %(default)s)")
    parser.add_argument("--urls", nargs="*", default=[], help="the provider's lines")
    options = parser.parse_args(arguments)
    if options.client:
        run = uvloop.run if options.loop == "uvloop" else asyncio.run
        print(json.dumps(run(_measure(_CLIENTS[options.client], options.urls, options.calls))), flush=True)
        return 0
    table = Table(
        "client", "event loop", "calls/s", "CPU per call, µs", "lost", title=f"{IN_FLIGHT} in flight, 20 ms each"
    )
    with talking(in_python("benchmarks.provider")) as provider:
        urls = [line["serverUrl"] for line in provider.hear()["lines"]]
        for client in _CLIENTS:
            for loop in _LOOPS:
                words = ("--client", client, "--loop", loop, "--calls", str(options.calls), "--urls", *urls)
                with talking(in_python("benchmarks.http_clients", *words), stderr=subprocess.DEVNULL) as process:
                    told = process.hear(within_s=300)
                table.add_row(client, loop, f"{told['perSecond']:,.0f}", f"{told['cpuUs']:,.0f}", f"{told['lost']:g}")
    Console().print(table)
    return 0


async def _measure(make: Callable[[], Awaitable[Ask]], urls: Sequence[str], calls: int) -> dict[str, float]:
    ask = await make()
    numbers = iter(range(calls + 2 * IN_FLIGHT))

    lost = 0

    async def lane(count: int) -> None:
        nonlocal lost
        for _ in range(count):
            number = next(numbers)
            try:
                await ask(urls[number % len(urls)] + _QUESTION.format(number))
            except (httpx.TransportError, NoReply):
                lost += 1

    async def all_lanes(count: int) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(IN_FLIGHT):
                group.create_task(lane(count))

    await all_lanes(1)
    began, cpu_s = time.monotonic(), time.process_time()
    each = max(1, calls // IN_FLIGHT)
    await all_lanes(each)
    made = each * IN_FLIGHT
    return {
        "perSecond": made / (time.monotonic() - began),
        "cpuUs": (time.process_time() - cpu_s) / made * 1e6,
        "lost": lost,
    }


if __name__ == "__main__":
    sys.exit(main())
