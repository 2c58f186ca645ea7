"""Puts a job's names into every line that is logged while it runs."""

from typing import Any

import dramatiq
from dramatiq.broker import MessageProxy
from dramatiq.middleware import Middleware

from libs.common.broker.held_job import HeldJob, held
from libs.common.logging import CONTEXT


class LogContext(Middleware):
    """Tells the logger whose run this is; the names are looked up only when a line is logged."""

    def before_process_message(self, _broker: dramatiq.Broker, message: MessageProxy) -> None:
        """From here on, this thread or task runs the job."""
        job = held(message)
        CONTEXT.set(lambda: _names(job))

    def after_process_message(self, *_args: Any, **_kwargs: Any) -> None:
        """The next job of this thread is another."""
        CONTEXT.set(None)

    def after_skip_message(self, *_args: Any) -> None:
        """The next job of this thread is another."""
        CONTEXT.set(None)


def _names(job: HeldJob) -> dict[str, str]:
    names = {"job_id": job.job_id, "queue": job.queue_name}
    if job.header.group:
        names["workspace_id"] = job.header.group
    return names
