"""A BlueBubbles stand-in that costs next to nothing: what is measured beside it is the worker, not the provider.

It answers the one question of availability, over the protocol's own HTTP, a fixed time after it was asked. The full
simulator counts and checks every call, and on two cores would itself be what is measured.

It prints where its lines are as one line of JSON, and ends when its standard input does::

    python -m benchmarks.provider --lines 8 --latency-ms 20
"""

import argparse
import asyncio
import json
import sys
import zlib
from collections import deque
from collections.abc import Sequence

import uvloop

_PASSWORD = "benchmark"
_TICK_S = 0.0005
_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\n\r\n{}"


def _answer(body: str) -> bytes:
    return _HEAD.format(len(body), body).encode()


_ENVELOPE = '{{"status":200,"message":"Success","data":{{"available":{}}}}}'
_YES, _NO = _answer(_ENVELOPE.format("true")), _answer(_ENVELOPE.format("false"))
_END = b"\r\n\r\n"
_ADDRESS = b"address="
_COUNTS = b"GET /counts "


class Provider:
    """All lines of one process.

    Args:
        latency_s: how long each answer takes.
        available: the share of addresses that can be reached, 0 to 1.
    """

    def __init__(self, *, latency_s: float, available: float) -> None:
        self._latency_s = latency_s
        self._reached_below = int(available * 1_000)
        self._loop = asyncio.get_running_loop()
        self._due: deque[tuple[float, asyncio.Transport, bytes]] = deque()
        self._asleep = True
        self._asked = 0
        self._most_in_flight = 0

    def ask(self, transport: asyncio.Transport, request: bytes) -> None:
        """Answers a request after the latency."""
        if request.startswith(_COUNTS):
            counts = {"asked": self._asked, "mostInFlight": self._most_in_flight}
            self._asked = self._most_in_flight = 0
            transport.write(_answer(json.dumps(counts)))
            return
        self._asked += 1
        start = request.find(_ADDRESS) + len(_ADDRESS)
        address = request[start : request.find(b" ", start)]
        reached = zlib.crc32(address) % 1_000 < self._reached_below
        self._due.append((self._loop.time() + self._latency_s, transport, _YES if reached else _NO))
        self._most_in_flight = max(self._most_in_flight, len(self._due))
        if self._asleep:
            self._asleep = False
            self._loop.call_later(self._latency_s, self._answer_due)

    def _answer_due(self) -> None:
        now = self._loop.time()
        due = self._due
        while due and due[0][0] <= now:
            _, transport, answer = due.popleft()
            if not transport.is_closing():
                transport.write(answer)
        if due:
            self._loop.call_later(max(_TICK_S, due[0][0] - now), self._answer_due)
        else:
            self._asleep = True


class _Connection(asyncio.Protocol):
    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._transport: asyncio.Transport
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]  # uvloop's transports are no subclasses

    def data_received(self, data: bytes) -> None:
        unread = self._unread + data if self._unread else data
        start = 0
        while (end := unread.find(_END, start)) >= 0:
            self._provider.ask(self._transport, unread[start:end])
            start = end + len(_END)
        self._unread = unread[start:]


async def serve(options: argparse.Namespace) -> None:
    """Serves until standard input ends."""
    loop = asyncio.get_running_loop()
    provider = Provider(latency_s=options.latency_ms / 1_000, available=options.available)
    addresses = []
    for _ in range(options.lines):
        server = await loop.create_server(lambda: _Connection(provider), "127.0.0.1", 0, backlog=1_024)
        addresses.append(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    lines = [{"serverUrl": address, "password": _PASSWORD} for address in addresses]
    print(json.dumps({"lines": lines, "countsUrl": f"{addresses[0]}/counts"}), flush=True)
    await loop.run_in_executor(None, sys.stdin.buffer.read)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.provider", description=__doc__)
    parser.add_argument("--lines", type=int, default=8, help="lines, each at its own port (default %(default)s)")
    parser.add_argument("--latency-ms", type=float, default=20.0, help="how long an answer takes (default %(default)s)")
    parser.add_argument("--available", type=float, default=0.9, help="share that can be reached (default %(default)s)")
    uvloop.run(serve(parser.parse_args(arguments)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
