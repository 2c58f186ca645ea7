"""How a service's worker is started: ``python -m services.NAME --queue QUEUE``, or ``dramatiq services.NAME``."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import dramatiq
from dramatiq.middleware import AsyncIO, CurrentMessage, Middleware, TimeLimit

from libs.common.broker.broker import TucoBroker
from libs.common.broker.middleware.log_context import LogContext
from libs.common.errors import SettingsError
from libs.common.logging import set_up_logging
from libs.common.memory import keep_memory_together
from libs.common.settings import Settings, load_settings
from libs.common.tracing import switch
from libs.common.tracing.jobs import TraceJobs
from libs.common.tracing.start import start_tracing
from libs.common.worker.process import WorkerProcess

CANNOT_START = 2
"""The exit status where a setting is missing or wrong."""


@dataclass(frozen=True, slots=True)
class WorkerCommand:
    """How a service's workers are started.

    Args:
        service: the service's name.
        queues: the queues that it serves, each by its own processes.
        required: the settings that must be there.
        build: makes the worker of one queue.
        prepare: called once before that.
    """

    service: str
    queues: Sequence[str]
    required: Sequence[str]
    build: Callable[[Settings, str], WorkerProcess]
    prepare: Callable[[], None] = lambda: None

    def main(self, arguments: Sequence[str] | None = None) -> int:
        """Works on one queue until SIGTERM; answers the exit status."""
        parser = argparse.ArgumentParser(
            prog=f"services.{self.service}", description="Works on one of the service's queues until SIGTERM."
        )
        parser.add_argument("--queue", choices=self.queues, default=self.queues[0], help="default: %(default)s")
        queue = parser.parse_args(arguments).queue
        try:
            worker = self.build(self._settings(), queue)
        except SettingsError as error:
            sys.stderr.write(f"tuco-{self.service} cannot start: {error}\n")
            return CANNOT_START
        trace_jobs_of(worker.broker)
        return worker.run()

    def dramatiq_broker(self) -> dramatiq.Broker:
        """One broker with the actors of all the service's queues, for Dramatiq's own worker."""
        try:
            settings = self._settings()
            workers = [self.build(settings, queue) for queue in self.queues]
        except SettingsError as error:
            sys.stderr.write(f"tuco-{self.service} cannot start: {error}\n")
            raise SystemExit(CANNOT_START) from error
        broker = joined([worker.broker for worker in workers])
        trace_jobs_of(broker)
        for middleware in (TimeLimit(), AsyncIO(), CurrentMessage(), _Closing(workers)):
            broker.add_middleware(middleware)
        return broker

    def _settings(self) -> Settings:
        settings = load_settings(os.environ, required=self.required)
        keep_memory_together()
        set_up_logging(settings, service=self.service)
        start_tracing(settings, service=self.service)
        self.prepare()
        return settings


def trace_jobs_of(broker: TucoBroker) -> None:
    """Makes a broker's jobs part of traces, if this process traces."""
    if switch.tracing is not None:
        broker.add_middleware(TraceJobs(switch.tracing), before=LogContext)


def joined(brokers: Sequence[TucoBroker]) -> TucoBroker:
    """The first broker, with the actors of all."""
    first, *others = brokers
    for other in others:
        first.job_actors.update(other.job_actors)
        for actor in other.actors.values():
            first.declare_actor(actor)
    return first


class _Closing(Middleware):
    """Closes what the workers hold, when Dramatiq's worker has ended."""

    def __init__(self, workers: Sequence[WorkerProcess]) -> None:
        self._workers = workers

    def after_worker_shutdown(self, *_args: object) -> None:
        """The last job has ended."""
        for worker in self._workers:
            worker.on_stop()
