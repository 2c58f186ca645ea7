"""A worker that is frozen between its last check and the system call: its call leaves in time or never."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from libs.common import kernel_deadline
from tests.chaos.frozen import is_stopped
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]
SECONDS = 0.3


class Provider:
    """Answers every call, and keeps what it was sent."""

    def __init__(self) -> None:
        self.received = b""
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                with connection, suppress(ConnectionError):
                    while part := connection.recv(65_536):
                        self.received += part
                        if self.received.endswith(b"{}"):
                            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider()
    yield provider
    provider.close()


def freeze_and_wake(provider: Provider, *words: str) -> int:
    """Lets a sender stand still on the brink of its call for longer than it may take; answers its exit status."""
    command = [sys.executable, "-m", "tests.integration.messaging.frozen_sender", provider.url, str(SECONDS), *words]
    with subprocess.Popen(command, cwd=ROOT) as sender:
        try:
            wait_until(
                lambda: sender.poll() is not None or is_stopped(sender.pid), deadline_s=30, message="it stands still"
            )
            time.sleep(2 * SECONDS)  # what is tested is that time passes
            sender.send_signal(signal.SIGCONT)
            return sender.wait(30)
        finally:
            sender.kill()


@pytest.mark.skipif(not kernel_deadline.is_enforced(), reason="the kernel has no such timers")
def test_a_call_whose_time_ran_out_in_a_freeze_never_leaves(provider: Provider) -> None:
    assert freeze_and_wake(provider) == -signal.SIGKILL
    assert provider.received == b""


def test_without_the_deadline_the_call_leaves_when_the_worker_wakes(provider: Provider) -> None:
    """What the safeguard is for: it shows that the freeze is where the harm is done."""
    assert freeze_and_wake(provider, "unguarded") == 0
    assert provider.received.startswith(b"POST / ")
