"""The simulator as a process of its own."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

PATIENCE_S = 20.0


class Process:
    """A running simulator process and what it printed at its start."""

    def __init__(self, *arguments: str) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "libs.simulators.bluebubbles", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def described(self) -> Any:
        """The first line of output."""
        assert self.popen.stdout is not None
        return msgspec.json.decode(self.popen.stdout.readline())

    def end(self) -> None:
        """Kill it if it has not ended, and close its pipes."""
        with self.popen:
            self.popen.kill()


@pytest.fixture
def started() -> Iterator[list[Process]]:
    """The processes that a test starts, ended with it."""
    processes: list[Process] = []
    yield processes
    for process in processes:
        process.end()


def test_it_prints_where_it_listens_and_ends_on_sigterm(started: list[Process]) -> None:
    process = Process("--lines", "2", "--seed", "7", "--password", "given")
    started.append(process)
    described = process.described()
    assert described["provider"] == "bluebubbles"
    assert [line["name"] for line in described["lines"]] == ["line-1", "line-2"]
    first, second = described["lines"]
    assert first["password"] == "given"
    for line in (first, second):
        response = httpx.get(f"{line['serverUrl']}/api/v1/ping", params={"password": line["password"]})
        assert response.status_code == 200
    assert httpx.get(f"{described['adminUrl']}/counts").json()["total"] == 2
    process.popen.send_signal(signal.SIGTERM)
    assert process.popen.wait(PATIENCE_S) == 0


def test_it_ends_with_the_parent_that_holds_its_input(started: list[Process]) -> None:
    process = Process("--exit-with-stdin")
    started.append(process)
    process.described()
    assert process.popen.stdin is not None
    process.popen.stdin.close()
    assert process.popen.wait(PATIENCE_S) == 0


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_it_listens_on_the_ports_it_is_given(started: list[Process]) -> None:
    # Below the ports that the system gives away, so that nobody takes them meanwhile.
    port = next(
        port for port in range(21_000 + os.getpid() % 9_000, 32_000, 2) if _is_free(port) and _is_free(port + 1)
    )
    process = Process("--port", str(port), "--lines", "1")
    started.append(process)
    described = process.described()
    assert described["adminUrl"] == f"http://127.0.0.1:{port}/__admin"
    assert described["lines"][0]["serverUrl"] == f"http://127.0.0.1:{port + 1}/line-1"


def test_a_port_that_is_taken_ends_it_with_a_message(started: list[Process]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = Process("--port", str(taken.getsockname()[1]))
        started.append(process)
        _, error = process.popen.communicate(timeout=PATIENCE_S)
    assert process.popen.returncode == 1
    assert b"could not listen" in error
