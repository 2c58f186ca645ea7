"""A small world for checks without servers: leads in memory, lines that answer as they are told, a pacer to steer."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from bson import ObjectId

from libs.common.handles import Service
from libs.common.providers.checking import AvailabilityAnswer, LineReport
from libs.common.providers.errors import FaultReason, LineFault
from libs.common.stores.leads import LeadAnswer, LeadContact
from libs.common.stores.lines import HealthStatus, Line, LineLimits
from services.availability.checking import Checker
from services.availability.line_pool import LinePool
from services.availability.pacing import LocalPacer, Reserved, Wanted
from services.availability.request import CheckRules, Report, Request

FAST = 1e6
RUN = "run-1"
WORKSPACE = "workspace-1"


@dataclass
class FakeLine:
    """A line: who can be reached by it, and what goes wrong."""

    line_id: str
    reachable: set[str] = field(default_factory=set)
    rate: float = FAST
    latency_s: float = 0.0
    health: HealthStatus | None = None
    fault: Callable[[str], LineFault | None] = lambda _handle: None
    asked: list[str] = field(default_factory=list)
    asked_at: list[float] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    progress: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def asked_so_many(self, number: int) -> None:
        """Waits until so many questions have come."""
        async with self.progress:
            await self.progress.wait_for(lambda: len(self.asked) >= number)

    async def check(self, handle: str) -> AvailabilityAnswer:
        self.asked.append(handle)
        self.asked_at.append(time.monotonic())
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        async with self.progress:
            self.progress.notify_all()
        try:
            await asyncio.sleep(self.latency_s)
        finally:
            self.under_way -= 1
        if fault := self.fault(handle):
            raise fault
        available = handle in self.reachable
        return AvailabilityAnswer(available=available, service=Service.IMESSAGE if available else None)

    async def report(self) -> LineReport:
        return LineReport()

    @property
    def line(self) -> Line:
        return Line(
            line_id=self.line_id,
            workspace_id=WORKSPACE,
            provider="fake",
            server_url="http://line",
            credentials="",
            limits=LineLimits(checks_per_second=self.rate),
            health=self.health,
        )


def always(reason: FaultReason) -> Callable[[str], LineFault | None]:
    return lambda _handle: LineFault(reason)


class FakeLeads:
    """Leads in memory, and every answer that was stored, in order."""

    def __init__(self, contacts: Sequence[LeadContact]) -> None:
        self.known = {contact.lead_id: contact for contact in contacts}
        self.stored: dict[ObjectId, LeadAnswer] = {}
        self.slices: list[int] = []
        self.writes: Counter[ObjectId] = Counter()
        self.before_store: Callable[[], Awaitable[None]] | None = None

    async def contacts(self, workspace_id: str, lead_ids: Sequence[ObjectId], run_id: str) -> list[LeadContact]:
        return [
            LeadContact(
                lead_id=lead_id,
                phone=self.known[lead_id].phone,
                email=self.known[lead_id].email,
                answer=self.stored.get(lead_id),
            )
            for lead_id in lead_ids
            if lead_id in self.known
        ]

    async def store_answers(self, workspace_id: str, answers: Sequence[LeadAnswer], run_id: str) -> None:
        if self.before_store:
            await self.before_store()
        self.slices.append(len(answers))
        for answer in answers:
            self.writes[answer.lead_id] += 1
            self.stored.setdefault(answer.lead_id, answer)


class StingyPacer:
    """Gives so many moments in all, and tells whoever queues up when to come back."""

    def __init__(self, moments: int, *, back_in_s: float = 20.0) -> None:
        self.left = moments
        self.back_in_s = back_in_s
        self.queued: list[int] = []

    async def reserve(self, wanted: Sequence[Wanted], *, horizon_s: float) -> list[Reserved]:
        given = []
        for one in wanted:
            moments = min(one.moments, self.left)
            self.left -= moments
            given.append(Reserved(moments=moments, first_in_s=0.0, interval_s=1e-6, back_in_s=self.back_in_s))
        return given

    async def queue_up(self, wanted: Sequence[Wanted]) -> float:
        self.queued.append(sum(one.moments for one in wanted))
        return self.back_in_s


@dataclass
class World:
    """Leads, lines and the checker between them."""

    leads: FakeLeads
    lines: list[FakeLine]
    checker: Checker
    pool: LinePool

    def check(
        self,
        lead_ids: Sequence[ObjectId] | None = None,
        *,
        last_chance: bool = False,
        may_wait: bool = True,
        timeout_s: float = 10.0,
    ) -> Report:
        """Runs one check to its end."""
        request = Request(
            workspace_id=WORKSPACE,
            lead_ids=list(self.leads.known) if lead_ids is None else lead_ids,
            run_id=RUN,
            last_chance=last_chance,
            may_wait=may_wait,
        )
        return asyncio.run(asyncio.wait_for(self.checker.check(request), timeout_s))

    @property
    def asked(self) -> Counter[str]:
        """How often each handle was asked about, over all lines."""
        return Counter(handle for line in self.lines for handle in line.asked)

    def status(self, contact: LeadContact) -> str:
        return self.leads.stored[contact.lead_id].status.value


def contact(phone: str | None = None, email: str | None = None) -> LeadContact:
    return LeadContact(lead_id=ObjectId(), phone=phone, email=email)


def people(number: int) -> list[LeadContact]:
    return [contact(f"+1646{2000000 + n}") for n in range(number)]


def world(
    contacts: Sequence[LeadContact],
    lines: Sequence[FakeLine],
    *,
    pacer: LocalPacer | StingyPacer | None = None,
    rules: CheckRules | None = None,
    at_once: int = 64,
) -> World:
    by_id = {line.line_id: line for line in lines}

    async def find(workspace_id: str) -> list[Line]:
        return [line.line for line in lines] if workspace_id == WORKSPACE else []

    leads = FakeLeads(contacts)
    pool = LinePool(find, lambda line: by_id[line.line_id], at_once=at_once, default_rate=FAST, clock_s=time.monotonic)
    checker = Checker(leads, pool, pacer or LocalPacer(time.monotonic), rules or CheckRules(region="US"))
    return World(leads, list(lines), checker, pool)
