"""What the pages are made of."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bson import ObjectId

from libs.common.broker.model import QueueStats
from libs.common.clock import Clock
from libs.common.integrations.model import Integration
from libs.common.ledger.history import HistoricJob
from libs.common.messages.explaining import Explanation
from libs.common.messages.model import Message
from libs.common.stores.integration_desk import IntegrationOverview
from libs.common.stores.message_desk import Resolution
from libs.common.stores.message_search import MessageRecord, Shelf
from libs.common.stores.schedules import Schedule
from libs.common.stores.sync_run_desk import FoundProblem, ProblemGroup
from libs.common.stores.sync_runs import SyncRun
from libs.common.stores.ticks import TickRow
from libs.common.worker.heartbeat import WorkerSeen
from services.gateway.dashboard.history import ListRun
from services.gateway.dashboard.jobs import Jobs
from services.gateway.dashboard.lines import LineRow
from services.gateway.dashboard.outcomes import LeadOutcome
from services.gateway.dashboard.rates import Series
from services.gateway.dashboard.sessions import Sessions
from services.gateway.health import Health
from services.gateway.job_view import JobAnswer
from services.gateway.message_desk import Books
from services.gateway.orders import Order
from services.gateway.rates import QueueRates
from services.gateway.routes.history import History
from services.gateway.submission import Receipt


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

    def all(self, workspace_id: str | None = None) -> list[LineRow]:
        """Every line that is not retired, the worst first."""
        ...

    def all_with_history(self, now: datetime, workspace_id: str | None = None) -> list[LineRow]:
        """As :meth:`all`, with the health at each of the last looks."""
        ...


class Messages(Protocol):
    """Decisions about messages, and why one waits; :class:`services.gateway.message_desk.Messages` takes them."""

    def count_uncertain(self, workspace_id: str | None, *, most: int) -> int:
        """How many messages wait for a person, up to ``most``."""
        ...

    def resolve(self, message_id: str, resolution: Resolution, *, by: str) -> Message | None:
        """Carries out a decision; ``None`` where there is nothing to decide."""
        ...

    def explain(self, message_id: str) -> Explanation | None:
        """Why a message is where it is."""
        ...

    def books(self, workspace_id: str) -> Books:
        """What a workspace's lines may bear, and what was sent and promised."""
        ...


class Search(Protocol):
    """Finds messages; :class:`libs.common.stores.message_search.MessageSearch` does."""

    def on(self, shelf: Shelf, workspace_id: str | None, *, limit: int) -> list[Message]:
        """The messages of a shelf, the latest first."""
        ...

    def to(self, recipients: Sequence[str], workspace_id: str | None, *, limit: int) -> list[Message]:
        """The messages to a recipient, the latest first."""
        ...

    def record(self, message_id: str) -> MessageRecord | None:
        """A message and what is kept of its way."""
        ...


class Lists(Protocol):
    """The runs over lists; :class:`services.gateway.dashboard.history.ListHistory` reads them."""

    def runs(self, workspace_id: str | None, *, cursor: str = "", limit: int) -> tuple[list[ListRun], str | None]:
        """Runs over lists, the latest first, and the cursor for those before them."""
        ...

    def run(self, job_id: str) -> ListRun | None:
        """One of them."""
        ...


class Outcomes(Protocol):
    """What runs found out; :class:`services.gateway.dashboard.outcomes.OutcomeReader` reads it."""

    def page(
        self, run: HistoricJob, *, outcome: str = "", start: int = 0, limit: int
    ) -> tuple[list[LeadOutcome], int | None]:
        """Leads from a place of the list on, and the place behind them."""
        ...

    def every(self, run: HistoricJob) -> Iterator[LeadOutcome]:
        """All leads of a run."""
        ...


class Integrations(Protocol):
    """The integrations; :class:`libs.common.stores.integration_desk.IntegrationDesk` shows them."""

    def page(
        self,
        workspace_id: str | None = None,
        *,
        after: str = "",
        limit: int,
    ) -> Sequence[IntegrationOverview]:
        """Integrations in the order in which they were added."""
        ...

    def needing_attention(self, workspace_id: str | None = None, *, limit: int) -> Sequence[Integration]:
        """Those that wait for a person, in the order in which they were added."""
        ...

    def one(self, integration_id: str) -> IntegrationOverview | None:
        """One of them."""
        ...


class SyncRuns(Protocol):
    """Their runs; :class:`libs.common.stores.sync_run_desk.SyncRunDesk` shows them."""

    def run(self, run_id: str) -> SyncRun | None:
        """A run."""
        ...

    def runs(self, integration_id: str, *, before: str = "", limit: int) -> Sequence[SyncRun]:
        """An integration's runs, the latest first."""
        ...

    def problems(self, run_id: ObjectId, *, after: str = "", limit: int) -> tuple[Sequence[FoundProblem], str | None]:
        """A run's problems, and the cursor for those behind them."""
        ...

    def problem_groups(self, run_id: ObjectId) -> Sequence[ProblemGroup]:
        """A run's problems by field and reason."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How every queue stands now, and how fast it goes.

    Args:
        queues: each queue in numbers, by its name.
        rates: of each queue, over the last minute.
        workers: who works.
    """

    queues: Sequence[QueueStats]
    rates: Mapping[str, QueueRates]
    workers: Sequence[WorkerSeen]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the pages ask.

    Args:
        sessions: who is logged in.
        jobs: every queue's jobs.
        pace: how every queue stands, and how fast it goes.
        series: what a queue's plots are drawn from.
        find: a job wherever it is known.
        payload_of: a job's payload from the ledger.
        history: the jobs that the ledger remembers.
        lists: the runs over lists of leads.
        outcomes: what became of the leads of a run.
        submit: takes a job in, with the idempotency key that it has.
        health: how everything is.
        schedules: the stored schedules.
        ticks: what became of their ticks.
        run_schedule: runs a schedule now; answers the job.
        lines: the lines.
        messages: the messages that a person decides about.
        search: finds messages.
        region: where phone numbers without a country code are read.
        integrations: the integrations.
        sync_runs: their runs.
        events: what happens in the queues, as server-sent events, from behind an event's id on.
        clock: tells the time.
    """

    sessions: Sessions
    jobs: Jobs
    pace: Callable[[], Pace]
    series: Callable[[str], Series]
    find: Callable[[str], JobAnswer | None]
    payload_of: Callable[[str], dict[str, Any] | None]
    history: History
    lists: Lists
    outcomes: Outcomes
    submit: Callable[[Order, str | None], Receipt]
    health: Callable[[], Health]
    schedules: Schedules
    ticks: Ticks
    run_schedule: Callable[[Schedule], str]
    lines: Lines
    messages: Messages
    search: Search
    region: str
    integrations: Integrations
    sync_runs: SyncRuns
    events: Callable[[str], Iterator[bytes]]
    clock: Clock

    @property
    def queues(self) -> Sequence[str]:
        """The queues' names, sorted."""
        return self.jobs.queues()
