"""What a job type is: its payload's type, its queue, its defaults and what makes it unique, in one place.

The smallest use::

    class Greeting(Payload):
        name: str

    GREETING = JobContract(job_type="greeting", queue="greetings", payload=Greeting, origin=Origin.REST)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, TypeVar

import msgspec

from libs.common.errors import InvalidInput
from libs.common.validation import convert_strictly

MAX_PAYLOAD_BYTES = 64 * 1024
"""The largest payload a queue carries; what is larger stays in the ledger and travels by the job's id."""


class Payload(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Base of every payload: frozen, and in camelCase on the wire. It is never part of a cycle of references."""


class Origin(StrEnum):
    """Where jobs of a type come from."""

    REST = "rest"
    SCHEDULE = "schedule"
    DERIVED = "derived"
    ROUTE = "route"
    """A REST call of its own, which has a scope of its own."""


class MissedTicks(StrEnum):
    """What a schedule wants done about ticks that nobody was there for."""

    RUN_ONCE_LATE = "run-once-late"
    SKIP = "skip"


class TickPayload(Payload, frozen=True, kw_only=True):
    """What a schedule emits: which schedule, and the moment it stands for (ISO 8601, UTC)."""

    schedule: str
    tick: str


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with full jitter.

    The n-th retry waits a random time between zero and ``min(longest, first * 2**(n-1))``; see "Exponential Backoff
    And Jitter" (AWS Architecture Blog, 2015) for why full jitter spreads retries best.
    """

    first: timedelta = timedelta(seconds=1)
    longest: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a finished job stays visible in Redis: at most so many, for at most so long. The ledger keeps longer."""

    count: int = 1_000
    age: timedelta = timedelta(hours=24)


P = TypeVar("P", bound=Payload)


@dataclass(frozen=True, slots=True)
class JobContract(Generic[P]):
    """One job type.

    Args:
        job_type: the name used in REST, metrics and logs; also the Dramatiq actor's name.
        queue: the queue that carries it.
        payload: the payload's type; field names are camelCase on the wire.
        origin: who may enqueue it.
        max_attempts: how often it runs before it is a dead letter.
        backoff: the pause between attempts.
        time_limit: how long one attempt may run.
        retention: how long a finished job stays in Redis.
        unique_key: what only one unfinished job may stand for; ``None`` where every job is its own.
        workspace: whose job it is; jobs of a queue are taken round-robin over workspaces.
        data_in_ledger: the payload may be large, so the queue carries the job's id and the worker reads the payload
            from the ledger.
        cron: when a schedule emits it, in UTC, unless a person changes that; empty where no schedule does.
        missed_ticks: what that schedule does about ticks that nobody was there for.
    """

    job_type: str
    queue: str
    payload: type[P]
    origin: Origin
    max_attempts: int = 5
    backoff: Backoff = field(default_factory=Backoff)
    time_limit: timedelta = timedelta(minutes=5)
    retention: Retention = field(default_factory=Retention)
    unique_key: Callable[[P], str] | None = None
    workspace: Callable[[P], str] | None = None
    data_in_ledger: bool = False
    cron: str = ""
    missed_ticks: MissedTicks = MissedTicks.RUN_ONCE_LATE

    def parse(self, data: Mapping[str, Any], *, path: str = "data") -> P:
        """The payload at the door: unknown fields are an error.

        Raises:
            InvalidInput: naming the field below ``path`` and what would be right.
        """
        return convert_strictly(data, self.payload, path=path)

    def read(self, data: Mapping[str, Any]) -> P:
        """The payload in the worker: unknown fields are ignored, so that old workers survive new gateways.

        Raises:
            InvalidInput: naming the field and what would be right.
        """
        try:
            return msgspec.convert(data, self.payload)
        except msgspec.ValidationError as error:
            raise InvalidInput("data", str(error)) from error

    def dump(self, payload: P) -> dict[str, Any]:
        """The payload as it goes over the wire."""
        wire: dict[str, Any] = msgspec.to_builtins(payload)
        return wire

    def group_of(self, payload: P) -> str:
        """The workspace whose turn this job uses; empty where a job belongs to none."""
        return self.workspace(payload) if self.workspace else ""

    def unique_key_of(self, payload: P) -> str | None:
        """The key that only one unfinished job of this type may hold."""
        return f"{self.job_type}:{self.unique_key(payload)}" if self.unique_key else None


def tick_payload(contract: JobContract[P], data: Mapping[str, Any], *, schedule: str, tick: datetime) -> P:
    """What a schedule emits at a moment: its data and, where the job type asks for them, its name and the moment.

    Args:
        contract: the schedule's job type.
        data: the schedule's own.
        schedule: its name.
        tick: the moment, in UTC.

    Raises:
        InvalidInput: the schedule's data do not fit its job type.
    """
    if issubclass(contract.payload, TickPayload):
        data = {**data, "schedule": schedule, "tick": tick.isoformat()}
    return contract.parse(data)
