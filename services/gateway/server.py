"""Serves the gateway with gunicorn: one process, many threads, so that it counts and reconciles in one place."""

import logging
import sys
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker

from libs.common.settings import Settings
from libs.common.tracing.start import start_tracing
from services.gateway import request_threads
from services.gateway.bootstrap import Gateway, build
from services.gateway.request_threads import RequestThreadsWorker

_LONGEST_TURN_S = 0.0005


class PlainLogger(Logger):
    """Hands gunicorn's records to the process's own logging, which formats them like all others."""

    def setup(self, cfg: Config) -> None:
        """Takes the level and no handlers of its own."""
        super().setup(cfg)
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True
        # Each request is logged by the app, with its route and its id.
        self.access_log.setLevel(logging.CRITICAL)


class GatewayServer(BaseApplication):
    """The server of one gateway.

    Args:
        settings: give address, threads and time-outs.
        make: makes the gateway, in the process that serves.
    """

    def __init__(self, settings: Settings, make: Callable[[Settings], Gateway] = build) -> None:
        self._settings = settings
        self._make = make
        self._gateway: Gateway | None = None
        super().__init__()

    def load_config(self) -> None:
        """Sets what gunicorn is to do; its own files and variables are not read."""
        for name, value in self._configuration().items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Makes the gateway: here, after the fork, because connections and threads do not survive one."""
        # A request is a few short steps between waits; Python's own 5 ms would let each step wait for one that counts.
        sys.setswitchinterval(_LONGEST_TURN_S)
        start_tracing(self._settings, service="gateway")
        self._gateway = self._make(self._settings)
        self._gateway.start()
        return self._gateway.app

    def _configuration(self) -> dict[str, Any]:
        return {
            "bind": f"{_host(self._settings)}:{self._settings.port}",
            "worker_class": RequestThreadsWorker if request_threads.ARE_POSSIBLE else "gthread",
            "workers": 1,
            "threads": self._settings.gateway_threads,
            # Connections that only wait cost no thread.
            "worker_connections": 1_000 + self._settings.gateway_threads,
            "keepalive": 75,
            "graceful_timeout": self._settings.shutdown_timeout_ms // 1000,
            "preload_app": False,
            "control_socket_disable": True,
            "logger_class": PlainLogger,
            "loglevel": self._settings.log_level,
            "proc_name": "tuco-gateway",
            "post_worker_init": self._watch,
            "worker_exit": lambda _server, _worker: self._close(),
        }

    def _watch(self, worker: Worker) -> None:
        """Lets streams end when the worker is told to: otherwise it would wait for clients that never leave."""
        if self._gateway is not None:
            self._gateway.streams.is_stopping = lambda: not worker.alive

    def _close(self) -> None:
        if self._gateway is not None:
            self._gateway.close()


def _host(settings: Settings) -> str:
    """Where to listen; gunicorn reads an empty host as every IPv4 address."""
    if settings.gateway_host:
        return settings.gateway_host
    # Without tokens, nobody but this machine may call.
    return "127.0.0.1" if settings.environment == "dev" else ""
