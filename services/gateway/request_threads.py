"""gunicorn's threaded worker without hand-overs between its threads, which under load cost more than the requests.

gunicorn's main thread listens to every connection, hands the one that has a request to a pool, and is woken to take it
back. Here the threads that serve requests wait for connections themselves, all on one epoll: the kernel wakes one of
them per request, and a thread that has answered finds the next request without being woken. The main thread accepts
connections and closes those that were idle for too long. Everything else is gunicorn's own: parsing, limits, the end.
"""

import select
import threading
import time
from typing import Any

from gunicorn.http.parser import RequestParser
from gunicorn.workers.gthread import TConn, ThreadWorker

from libs.common.logging import get_logger

log = get_logger(__name__)

_ONE_REQUEST = getattr(select, "EPOLLIN", 0) | getattr(select, "EPOLLONESHOT", 0)
_LONGEST_WAIT_AT_THE_END_S = 0.2
_LINGER_AT_THE_END_S = 2.0
"""As long as gunicorn itself leaves a kept-alive connection open then."""
_PAUSE_AFTER_A_FAULT_S = 0.1
"""So that a fault that lasts is not a loop at full speed."""

ARE_POSSIBLE = hasattr(select, "epoll")
"""Whether this system has epoll: Linux."""


class RequestThreadsWorker(ThreadWorker):
    """The worker class for gunicorn.

    A connection without a request is in ``_resting``; whoever takes it out of there, a request thread or the main
    thread, has it alone.
    """

    def init_process(self) -> None:
        """Called by gunicorn once, in the process that serves; returns when that ends."""
        self._ready = select.epoll()
        self._resting: dict[int, TConn] = {}
        super().init_process()

    def get_thread_pool(self) -> Any:
        """Called by gunicorn once, before it serves."""
        return _RequestThreads(self.cfg.threads, self._serve_next)

    def enqueue_req(self, conn: TConn) -> None:
        """Called by gunicorn's main thread for a new connection: it waits for its first request without a thread."""
        conn.data_ready = True
        conn.sock.setblocking(True)
        self._rest(conn)
        self._ready.register(conn.sock, _ONE_REQUEST)

    def murder_keepalived(self, force: bool = False) -> None:
        """Called by gunicorn's main thread again and again: closes connections that were idle for too long."""
        now = time.monotonic()
        # One list in one step: threads take connections out and put them back meanwhile.
        for fileno, conn in list(self._resting.items()):
            if (force or (conn.timeout or 0.0) <= now) and self._resting.pop(fileno, None) is conn:
                self.nr_conns -= 1
                conn.close()

    def wait_for_and_dispatch_events(self, timeout: float | None) -> None:
        """Called by gunicorn's main thread; at the end it looks more often whether connections may be closed."""
        super().wait_for_and_dispatch_events(timeout if self.alive else _LONGEST_WAIT_AT_THE_END_S)

    def _cap_keepalive(self, deadline: float) -> None:
        for conn in list(self._resting.values()):
            conn.timeout = min(conn.timeout or deadline, deadline)

    def _rest(self, conn: TConn) -> None:
        conn.set_timeout()
        if not self.alive:
            # The client may be sending its next request already; it is answered with "Connection: close".
            conn.timeout = min(conn.timeout or 0.0, time.monotonic() + _LINGER_AT_THE_END_S)
        self._resting[conn.sock.fileno()] = conn

    def _serve_next(self) -> None:
        """Waits for a connection that has a request, and serves it."""
        for fileno, _ in self._ready.poll(maxevents=1):
            conn = self._resting.pop(fileno, None)
            if conn is not None:
                self._serve(conn, fileno)

    def _serve(self, conn: TConn, fileno: int) -> None:
        try:
            stays = self.handle(conn)
            while stays is True and _has_read_ahead(conn):
                stays = self.handle(conn)
        except BaseException as error:  # noqa: BLE001 - gunicorn closes the connection, whatever it was
            self.method_queue.defer(self.finish_request, conn, _Ended(error=error))
            return
        if stays is True:
            self._rest(conn)
            self._wait_for_next(conn, fileno)
        else:
            self.method_queue.defer(self.finish_request, conn, _Ended(result=False))

    def _wait_for_next(self, conn: TConn, fileno: int) -> None:
        try:
            self._ready.modify(fileno, _ONE_REQUEST)
        except OSError as error:
            # The main thread may have closed the connection since it rests; if it has not, nothing would ever wake it.
            log.warning("connection.lost", error=str(error))
            if self._resting.get(fileno) is conn and self._resting.pop(fileno, None) is conn:
                self.method_queue.defer(self.finish_request, conn, _Ended(result=False))


def _has_read_ahead(conn: TConn) -> bool:
    """Whether the next request was read with the one before, so that the kernel has nothing to tell of it."""
    return isinstance(conn.parser, RequestParser) and bool(conn.parser.unreader.buf.getvalue())


class _RequestThreads:
    """The threads, in the place of gunicorn's pool. They end with the process."""

    def __init__(self, count: int, serve_next: Any) -> None:
        for number in range(count):
            threading.Thread(target=self._run, args=[serve_next], name=f"request-{number}", daemon=True).start()

    def shutdown(self, *, wait: bool) -> None:
        """As gunicorn ends a pool: nothing is waited for."""

    def _run(self, serve_next: Any) -> None:
        while True:
            try:
                serve_next()
            except Exception:
                # There are only so many threads, and one that ends would be missing until the process does.
                log.exception("request_thread.failed")
                time.sleep(_PAUSE_AFTER_A_FAULT_S)


class _Ended:
    """How serving a connection ended, in the form of a future that is done."""

    def __init__(self, *, result: bool = False, error: BaseException | None = None) -> None:
        self._result = result
        self._error = error

    def cancelled(self) -> bool:
        return False

    def result(self) -> bool:
        if self._error is not None:
            raise self._error
        return self._result
