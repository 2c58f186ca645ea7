"""Prometheus goes away in the middle of scrapes, again and again, and comes back."""

import socket
import struct
import time
from contextlib import suppress
from urllib.parse import urlsplit

import httpx

from tests.chaos.fault import Fault, Run
from tests.chaos.work import Scale

_TOGETHER = 64
"""More than the gateway has threads, so that scrapes that are never read could take them all."""
_ROUNDS = 3
_AWAY_S = 2.0
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)


def go_away(run: Run) -> None:
    """Ask for metrics on many connections, read nothing, die (the connections are reset), be away, come back."""
    for _ in range(_ROUNDS):
        assert _scrape(run) == 200
        scrapes = [_begin_scrape(run) for _ in range(_TOGETHER)]
        run.world.note(f"Prometheus died in {len(scrapes)} scrapes")
        for scrape in scrapes:
            scrape.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
            scrape.close()
        time.sleep(_AWAY_S)  # how long it is away


def _begin_scrape(run: Run) -> socket.socket:
    address = urlsplit(run.world.stack.url)
    scrape = socket.create_connection((str(address.hostname), address.port or 80), timeout=20.0)
    with suppress(OSError):
        scrape.sendall(
            f"GET /metrics HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: {_token(run)}\r\n\r\n".encode()
        )
    return scrape


def _scrape(run: Run) -> int:
    answer = httpx.get(
        f"{run.world.stack.url}/metrics", headers={"Authorization": _token(run)}, timeout=20.0, trust_env=False
    )
    return answer.status_code


def _token(run: Run) -> str:
    return f"Bearer {run.world.stack.settings.admin_token.reveal()}"


def _came_back(run: Run) -> bool:
    return len(run.world.injuries) == _ROUNDS and _scrape(run) == 200


FAULTS = (
    Fault(
        number=21,
        name="Prometheus away, dying in the middle of scrapes",
        injure=go_away,
        evidence=_came_back,
        scale=Scale(patience_s=120.0),
    ),
)
