"""Request threads outlive what goes wrong between two requests."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from services.gateway import request_threads
from services.gateway.request_threads import RequestThreadsWorker

pytestmark = pytest.mark.skipif(not request_threads.ARE_POSSIBLE, reason="there is no epoll here")


class Connection:
    """A kept-alive connection."""

    parser = None

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.timeout = 0.0

    def set_timeout(self) -> None:
        self.timeout = 1.0


class Epoll:
    """Brings one connection, which then can no longer be waited for."""

    def __init__(self, worker: "Worker", fileno: int, *, main_thread_was_first: bool = False) -> None:
        self._worker = worker
        self._fileno = fileno
        self._main_thread_was_first = main_thread_was_first

    def poll(self, *, maxevents: int) -> list[tuple[int, int]]:
        return [(self._fileno, 1)]

    def modify(self, fileno: int, events: int) -> None:
        if self._main_thread_was_first:
            self._worker._resting.pop(fileno)
        raise OSError(2, "No such file or directory")


class MainThread:
    """Notes what it is to end."""

    def __init__(self) -> None:
        self.ends: list[tuple[Any, bool]] = []

    def defer(self, _finish: Any, conn: Any, ended: Any) -> None:
        self.ends.append((conn, ended.result()))


class Worker(RequestThreadsWorker):
    """The worker without a process around it."""

    def __init__(self, conn: Any) -> None:
        self.alive = True
        self._resting = {conn.sock.fileno(): conn}

    def handle(self, conn: Any) -> bool:
        return True


@pytest.fixture
def conn() -> Iterator[Connection]:
    with socket.socket() as sock:
        yield Connection(sock)


def worker_that_waits_with(conn: Connection, *, main_thread_was_first: bool = False) -> Any:
    worker: Any = Worker(conn)
    worker.method_queue = MainThread()
    worker._ready = Epoll(worker, conn.sock.fileno(), main_thread_was_first=main_thread_was_first)
    return worker


def test_a_connection_that_cannot_be_waited_for_is_closed(conn: Connection) -> None:
    worker = worker_that_waits_with(conn)

    worker._serve_next()

    assert worker._resting == {}
    assert worker.method_queue.ends == [(conn, False)]


def test_a_connection_that_the_main_thread_has_closed_meanwhile_is_not_closed_twice(conn: Connection) -> None:
    worker = worker_that_waits_with(conn, main_thread_was_first=True)

    worker._serve_next()

    assert worker.method_queue.ends == []


def test_a_thread_serves_on_after_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_threads, "_PAUSE_AFTER_A_FAULT_S", 0.001)
    faults = iter([OSError("bad descriptor"), RuntimeError("odd")])
    served, ends_with_the_process = threading.Event(), threading.Event()

    def serve_next() -> None:
        if (error := next(faults, None)) is not None:
            raise error
        served.set()
        ends_with_the_process.wait()

    request_threads._RequestThreads(1, serve_next)

    assert served.wait(5)
