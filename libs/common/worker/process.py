"""A worker as a container's only process: signals, the internal HTTP port, and an orderly end."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from libs.common.broker.broker import TucoBroker
from libs.common.build_info import show_build
from libs.common.logging import get_logger
from libs.common.settings import Settings, tokens_of
from libs.common.worker.heartbeat import Heartbeats, HeartbeatThread, heartbeat_of
from libs.common.worker.http import DirectHandler, InternalServer
from libs.common.worker.redis_advice import advise_about
from libs.common.worker.worker import Worker

log = get_logger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """What a service's worker consists of.

    Args:
        service: the service's name.
        settings: the settings.
        broker: the broker, with the service's actors declared.
        queues: the queues that this process serves.
        direct: what can be run at once over HTTP, by job type; called on the worker's event loop.
        missing: what the service itself lacks for its work (``mongodb``); Redis is looked after here.
        on_start: called when the worker has started; for what runs beside its jobs.
        on_stop: called when the last job has ended.
    """

    service: str
    settings: Settings
    broker: TucoBroker
    queues: Sequence[str]
    direct: Mapping[str, DirectHandler] = field(default_factory=dict)
    missing: Callable[[], Sequence[str]] = tuple
    on_start: Callable[[], None] = lambda: None
    on_stop: Callable[[], None] = lambda: None

    def run(self) -> int:
        """Works until SIGTERM or SIGINT; answers the exit status."""
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: stopping.set())

        settings = self.settings
        worker = Worker(
            self.broker,
            queues=self.queues,
            concurrency=settings.worker_concurrency,
            threads=settings.worker_threads,
        )
        advise_about(self.broker.redis)
        show_build(settings)
        worker.start()
        heartbeat = HeartbeatThread(
            Heartbeats(self.broker.redis),
            self.broker.worker,
            lambda: heartbeat_of(self.service, self.queues, held=worker.held),
        )
        heartbeat.start()
        self.on_start()
        server = InternalServer(
            alive=lambda: worker.alive,
            ready=lambda: self._lacks(worker),
            tokens=tokens_of(settings.service_token),
            direct=self.direct,
        )
        port = _on_loop(worker.loop, server.start(settings.internal_host, settings.internal_port))
        log.info("worker.started", queues=list(self.queues), pid=os.getpid(), port=port)
        stopping.wait()
        log.info("worker.stopping", held=worker.held)
        _on_loop(worker.loop, server.stop())
        heartbeat.stop()
        worker.stop(grace=timedelta(milliseconds=settings.shutdown_timeout_ms))
        self.on_stop()
        log.info("worker.stopped")
        return 0

    def _lacks(self, worker: Worker) -> Sequence[str]:
        return [*([] if worker.ready else ["redis"]), *self.missing()]


def _on_loop(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[object, object, T]) -> T:
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result(timeout=10)
