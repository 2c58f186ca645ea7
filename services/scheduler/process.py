"""The scheduler as a container's only process: signals, the internal HTTP port, and an orderly end."""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from libs.common.build_info import show_build
from libs.common.logging import get_logger
from libs.common.settings import Settings
from libs.common.worker.http import InternalServer
from services.scheduler.timer import Timer

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerProcess:
    """The process.

    Args:
        settings: the settings.
        timer: keeps time.
        missing: what it lacks for its work (``mongodb``). Redis is no part of that: ticks wait in the ledger.
    """

    settings: Settings
    timer: Timer
    missing: Callable[[], Sequence[str]]

    def run(self) -> int:
        """Works until SIGTERM or SIGINT; answers the exit status."""
        asyncio.run(self._run())
        return 0

    async def _run(self) -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        show_build(self.settings)
        server = InternalServer(alive=lambda: self.timer.alive, ready=self.missing)
        port = await server.start(self.settings.internal_host, self.settings.internal_port)
        self.timer.start()
        log.info("scheduler.started", pid=os.getpid(), port=port)
        await stopping.wait()
        log.info("scheduler.stopping")
        await asyncio.to_thread(self.timer.stop)
        await server.stop()
        log.info("scheduler.stopped")
