"""What the pages are made of."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from libs.common.clock import Clock
from libs.common.messages.model import Message
from libs.common.stores.message_desk import Resolution
from libs.common.stores.schedules import Schedule
from libs.common.stores.ticks import TickRow
from services.gateway.dashboard.jobs import Jobs
from services.gateway.dashboard.lines import LineRow
from services.gateway.dashboard.sessions import Sessions
from services.gateway.health import Health
from services.gateway.job_view import JobAnswer
from services.gateway.rates import QueueRates


class Schedules(Protocol):
    """The stored schedules; :class:`libs.common.stores.schedules.ScheduleStore` is one."""

    def all(self) -> list[Schedule]:
        """Every schedule that can be read."""
        ...

    def get(self, name: str) -> Schedule | None:
        """The schedule of this name."""
        ...

    def put(self, schedule: Schedule) -> None:
        """Creates or replaces a schedule."""
        ...


class Ticks(Protocol):
    """What became of ticks; :class:`libs.common.stores.ticks.TickStore` knows."""

    def latest(self, schedule: str, *, limit: int) -> list[TickRow]:
        """The last decided ticks, newest first."""
        ...


class Lines(Protocol):
    """The lines; :class:`services.gateway.dashboard.lines.LineReader` reads them."""

    def all(self) -> list[LineRow]:
        """Every line that is not retired, the worst first."""
        ...

    def all_with_history(self, now: datetime) -> list[LineRow]:
        """As :meth:`all`, with the health at each of the last looks."""
        ...


class Messages(Protocol):
    """Decisions about messages; :class:`libs.common.stores.message_desk.MessageDesk` takes them."""

    def uncertain(self, workspace_id: str | None, *, limit: int) -> list[Message]:
        """Messages that wait for a person, the latest first."""
        ...

    def resolve(self, message_id: str, resolution: Resolution, *, by: str) -> Message | None:
        """Carries out a decision; ``None`` where there is nothing to decide."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the pages ask.

    Args:
        sessions: who is logged in.
        jobs: every queue's jobs.
        speeds: how fast each queue goes, over the last minute.
        find: a job wherever it is known.
        payload_of: a job's payload from the ledger.
        health: how everything is.
        schedules: the stored schedules.
        ticks: what became of their ticks.
        lines: the lines.
        messages: the messages that a person decides about.
        events: what happens in the queues, as server-sent events, from behind an event's id on.
        clock: tells the time.
    """

    sessions: Sessions
    jobs: Jobs
    speeds: Callable[[], Mapping[str, QueueRates]]
    find: Callable[[str], JobAnswer | None]
    payload_of: Callable[[str], dict[str, Any] | None]
    health: Callable[[], Health]
    schedules: Schedules
    ticks: Ticks
    lines: Lines
    messages: Messages
    events: Callable[[str], Iterator[bytes]]
    clock: Clock

    @property
    def queues(self) -> Sequence[str]:
        """The queues' names, sorted."""
        return self.jobs.queues()
