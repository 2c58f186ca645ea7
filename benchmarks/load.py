"""A load generator for one address: requests at a fixed rate, or as many as a number of connections can carry.

At a fixed rate (an open loop) a request's latency counts from the moment at which it was to be sent, so that a server
that stalls pays for all requests that had to wait meanwhile. It is a bare protocol on uvloop: 15 to 20 microseconds of
one processor per request, which it tells with its results so that nobody takes its limits for the server's.

It reads what to do from standard input, one JSON object a line, and answers each with one line::

    {"url": "http://127.0.0.1:3001/api/bullmq/jobs", "token": "...", "rate": 1000, "seconds": 10, "connections": 64}
"""

import asyncio
import json
import sys
import time
import urllib.parse
from collections import deque
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

import uvloop

_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_TICK_S = 0.001
_PATIENCE_S = 15.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for.

    Args:
        url: where requests go.
        token: shown as the bearer token.
        seconds: for how long requests are sent.
        connections: how many, each with one request at a time.
        rate: requests a second; 0 for as many as the connections can carry.
        batch: jobs per request; 0 for one, without a list.
        first: the number of the first message, so that no two have the same.
    """

    url: str
    token: str
    seconds: float
    connections: int
    rate: float = 0.0
    batch: int = 0
    first: int = 0


class Bodies:
    """Makes the requests, each about messages of its own."""

    def __init__(self, wish: Wish) -> None:
        address = urllib.parse.urlsplit(wish.url)
        self._head = (
            f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {wish.token}\r\n"
            "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n"
        )
        self._batch = wish.batch
        self._number = wish.first

    def next(self) -> bytes:
        """A request's bytes."""
        body = '{"jobs":[' + ",".join(self._job() for _ in range(self._batch)) + "]}" if self._batch else self._job()
        return (self._head.format(len(body)) + body).encode()

    def _job(self) -> str:
        self._number += 1
        return (
            f'{{"jobType":"message-processing","data":{{"messageId":"{self._number:024x}",'
            f'"workspaceId":"workspace-{self._number % 20}"}}}}'
        )


class Load:
    """Sends requests and notes what came of them."""

    def __init__(self, wish: Wish) -> None:
        self._wish = wish
        self._bodies = Bodies(wish)
        self._idle: list[_Connection] = []
        self._waiting: deque[float] = deque()
        self._latencies_s: list[float] = []
        self._statuses: dict[int, int] = {}
        self._began_s = 0.0
        self._ended_s = 0.0
        self._under_way = 0
        self._sending = False
        self._done = asyncio.Event()

    async def run(self) -> dict[str, Any]:
        """Sends for as long as is wished, waits for the answers, and tells."""
        loop = asyncio.get_running_loop()
        address = urllib.parse.urlsplit(self._wish.url)
        host, port = address.hostname or "127.0.0.1", address.port or 80
        for _ in range(self._wish.connections):
            _, connection = await loop.create_connection(lambda: _Connection(self), host, port)
            self._idle.append(connection)
        everyone = list(self._idle)
        cpu_s = time.process_time()
        self._sending = True
        self._began_s = time.perf_counter()
        if self._wish.rate:
            await self._at_rate()
        else:
            self._as_fast_as_it_goes()
            await asyncio.sleep(self._wish.seconds)
        self._sending = False
        sent_s = time.perf_counter() - self._began_s
        await self._the_rest()
        for connection in everyone:
            connection.close()
        return self._told(sent_s, time.process_time() - cpu_s)

    async def _at_rate(self) -> None:
        wish = self._wish
        due = 0
        while (now := time.perf_counter() - self._began_s) < wish.seconds:
            while due / wish.rate <= now:
                self._waiting.append(self._began_s + due / wish.rate)
                due += 1
            self._send_waiting()
            await asyncio.sleep(max(0.0, min(_TICK_S, due / wish.rate - now)))

    def _as_fast_as_it_goes(self) -> None:
        self._waiting.extend([self._began_s] * len(self._idle))
        self._send_waiting()

    def _send_waiting(self) -> None:
        while self._waiting and self._idle:
            self._under_way += 1
            self._idle.pop().send(self._bodies.next(), self._waiting.popleft())

    async def _the_rest(self) -> None:
        self._tell_if_done()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._done.wait()
        except TimeoutError:
            # What is not answered by now is told as such.
            pass

    def _tell_if_done(self) -> None:
        if not (self._sending or self._under_way or self._waiting):
            self._done.set()

    def answered(self, connection: "_Connection", status: int, since_s: float) -> None:
        """A connection has its answer."""
        self._under_way -= 1
        self._ended_s = time.perf_counter()
        self._latencies_s.append(self._ended_s - since_s)
        self._statuses[status] = self._statuses.get(status, 0) + 1
        self._idle.append(connection)
        if not self._wish.rate and self._sending:
            self._waiting.append(self._ended_s)
        self._send_waiting()
        self._tell_if_done()

    def broke(self, *, in_use: bool) -> None:
        """A connection was lost."""
        self._under_way -= in_use
        self._tell_if_done()
        self._statuses[0] = self._statuses.get(0, 0) + in_use

    def _told(self, sent_s: float, cpu_s: float) -> dict[str, Any]:
        good = sum(count for status, count in self._statuses.items() if 200 <= status < 300)
        cuts = quantiles(self._latencies_s or [0.0, 0.0], n=100, method="inclusive")
        return {
            "statuses": self._statuses,
            "good": good,
            "unanswered": self._under_way + len(self._waiting),
            "perSecond": good / max(self._ended_s - self._began_s, sent_s),
            "p50Ms": cuts[49] * 1_000,
            "p99Ms": cuts[98] * 1_000,
            "maxMs": max(self._latencies_s, default=0.0) * 1_000,
            "ownCpu": cpu_s / sent_s,
        }


class _Connection(asyncio.Protocol):
    def __init__(self, load: Load) -> None:
        self._load = load
        self._transport: Any = None
        self._unread = b""
        self._since_s = 0.0
        self._in_use = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def send(self, request: bytes, since_s: float) -> None:
        self._since_s = since_s
        self._in_use = True
        self._transport.write(request)

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        unread = self._unread = self._unread + data if self._unread else data
        end = unread.find(_END)
        if end < 0:
            return
        head = unread[:end].lower()
        start = head.find(_LENGTH) + len(_LENGTH)
        if start < len(_LENGTH):
            raise RuntimeError(f"the server does not say how long its answer is: {head[:200]!r}")
        stop = head.find(b"\r\n", start)
        if len(unread) < end + len(_END) + int(head[start : stop if stop > 0 else len(head)]):
            return
        self._unread = b""
        self._in_use = False
        self._load.answered(self, int(head[9:12]), self._since_s)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - the load counts, whatever it was
        self._load.broke(in_use=self._in_use)


async def _obey() -> None:
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(await Load(Wish(**json.loads(line))).run()), flush=True)


if __name__ == "__main__":
    uvloop.run(_obey())
