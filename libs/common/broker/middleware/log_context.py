"""Puts a job's names into every line that is logged while it runs."""

from typing import Any

import dramatiq
import structlog
from dramatiq.broker import MessageProxy
from dramatiq.middleware import Middleware

from libs.common.broker.held_job import held


class LogContext(Middleware):
    """Binds ``job_id``, ``queue`` and ``workspace_id`` to the logging context of the run."""

    def before_process_message(self, _broker: dramatiq.Broker, message: MessageProxy) -> None:
        """Binds them."""
        job = held(message)
        fields = {"job_id": job.job_id, "queue": job.queue_name}
        if job.header.group:
            fields["workspace_id"] = job.header.group
        structlog.contextvars.bind_contextvars(**fields)

    def after_process_message(self, *_args: Any, **_kwargs: Any) -> None:
        """Unbinds them: the next job of this thread is another."""
        structlog.contextvars.clear_contextvars()

    def after_skip_message(self, *_args: Any) -> None:
        """Unbinds them."""
        structlog.contextvars.clear_contextvars()
