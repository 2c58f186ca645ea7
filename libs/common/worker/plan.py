"""How to run an actor's jobs: found once per actor, because there may be tens of thousands of jobs a second."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from libs.common.broker.actors import JobBroker
from libs.common.broker.held_job import HeldJob

_DEFAULT_TIME_LIMIT = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Plan:
    """How to run one actor's jobs.

    Args:
        call: runs a job; answers the result, or a coroutine that does.
        is_async: whether it answers a coroutine.
        time_limit_s: how long a run may take where the job itself says nothing.
    """

    call: Callable[[HeldJob], Any]
    is_async: bool
    time_limit_s: float

    def time_limit_of(self, job: HeldJob) -> float:
        """How long this run may take, in seconds."""
        own_ms = job.options.get("time_limit")
        return self.time_limit_s if own_ms is None else float(own_ms) / 1000


class Plans(dict[str, Plan]):
    """The plans of a broker's actors by name.

    Args:
        broker: knows the actors.
    """

    def __init__(self, broker: JobBroker) -> None:
        super().__init__()
        self._broker = broker

    def __missing__(self, actor_name: str) -> Plan:
        plan = self[actor_name] = _plan(self._broker, actor_name)
        return plan


def _plan(broker: JobBroker, actor_name: str) -> Plan:
    declared = broker.get_actor(actor_name)
    limit_ms = declared.options.get("time_limit")
    time_limit_s = float(limit_ms) / 1000 if limit_ms else _DEFAULT_TIME_LIMIT.total_seconds()
    actor = broker.job_actors.get(actor_name)
    if actor:
        return Plan(actor.run_async if actor.is_async else actor.run, actor.is_async, time_limit_s)
    # Dramatiq wraps a coroutine function so that it blocks a thread; what it wrapped runs on our loop.
    wrapped = getattr(declared.fn, "__wrapped__", None)
    is_async = asyncio.iscoroutinefunction(wrapped)
    function: Callable[..., Any] = wrapped if is_async and wrapped else declared.fn
    return Plan(lambda job: function(*job.args, **job.kwargs), is_async, time_limit_s)
