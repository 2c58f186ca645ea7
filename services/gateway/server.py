"""Serves the gateway: one process and one event loop, so that it counts and reconciles in one place.

Requests that are quick and come in numbers are answered on the loop; all others, and streams, in threads.
"""

import gc
import logging
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from libs.common.logging import get_logger
from libs.common.settings import Settings
from libs.common.tracing.start import start_tracing
from services.gateway.bootstrap import Gateway, build
from services.gateway.declaring import requests_on_loop
from services.gateway.serving.http_server import MOST_CONNECTIONS, http_server
from services.gateway.serving.wsgi import WsgiOnLoop

log = get_logger(__name__)

_LONGEST_TURN_S = 0.0005
_THREADS = "request"
_TIME_TO_END_S = 1.0


class GatewayServer:
    """The server of one gateway.

    Args:
        settings: give address, threads and time-outs.
        make: makes the gateway.
    """

    def __init__(self, settings: Settings, make: Callable[[Settings], Gateway] = build) -> None:
        self._settings = settings
        self._make = make

    def run(self) -> None:
        """Serves until SIGTERM or SIGINT, answers what is under way, and returns.

        Raises:
            SystemExit: it could not listen; the log says why.
        """
        # A request is a few short steps between waits; Python's own 5 ms would let each step wait for one that counts.
        sys.setswitchinterval(_LONGEST_TURN_S)
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, _stop_before_serving)
        _allow_connections()
        start_tracing(self._settings, service="gateway")
        gateway = self._make(self._settings)
        threads = ThreadPoolExecutor(self._settings.gateway_threads, thread_name_prefix=_THREADS)
        server = http_server(
            WsgiOnLoop(gateway.app, on_loop=requests_on_loop(gateway.app), threads=threads),
            host=_host(self._settings),
            port=self._settings.port,
            stop_within_s=self._settings.shutdown_timeout_ms // 1000,
        )
        # Otherwise the end would wait for clients that never leave.
        gateway.streams.is_stopping = lambda: server.should_exit
        for each in (signal.SIGTERM, signal.SIGINT):
            # uvicorn takes signals only while it serves, and raises them again when it has ended.
            signal.signal(each, server.handle_exit)
        gateway.start()
        # What there is by now stays. Looking through it again and again would stop all requests, each time for a
        # twentieth of a second.
        gc.collect()
        gc.freeze()
        try:
            server.run()
        finally:
            gateway.close()
            _end(threads, status=0 if sys.exc_info()[0] is None else 1)


def _stop_before_serving(_number: int, _frame: object) -> None:
    sys.exit(0)


def _allow_connections() -> None:
    """Each connection needs a file descriptor, and many systems give a process fewer unless it asks."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MOST_CONNECTIONS if most == resource.RLIM_INFINITY else min(most, 2 * MOST_CONNECTIONS)
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _end(threads: ThreadPoolExecutor, *, status: int) -> None:
    """Ends the threads; where a request outlasts the time to stop, the process too: Python would wait for it."""
    threads.shutdown(wait=False, cancel_futures=True)
    ours = [thread for thread in threading.enumerate() if thread.name.startswith(_THREADS)]
    give_up_at = time.monotonic() + _TIME_TO_END_S
    for thread in ours:
        thread.join(max(0.0, give_up_at - time.monotonic()))
    if left := sum(thread.is_alive() for thread in ours):
        log.warning("requests.abandoned", requests=left)
        logging.shutdown()
        os._exit(status)


def _host(settings: Settings) -> str:
    """Where to listen: on all of IPv4 unless something else was chosen."""
    if settings.gateway_host:
        return settings.gateway_host
    # Without tokens, nobody but this machine may call.
    return "127.0.0.1" if settings.environment == "dev" else "0.0.0.0"  # noqa: S104 - as a container has to
