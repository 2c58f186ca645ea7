"""Decides and emits the ticks of schedules.

Two writes make a tick happen exactly once, with any number of schedulers and none of them first: the row of the tick,
whose id only one decision can have, and the ledger's entry of its job, whose id is made of schedule and tick. What is
decided and not yet emitted is emitted by whoever comes by next.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol

from libs.common.broker.enqueue import job_from
from libs.common.broker.model import Added, NewJob
from libs.common.clock import Clock
from libs.common.cron import parse_cron, parse_zone
from libs.common.errors import InvalidInput, StoreUnavailable
from libs.common.ids import derived_job_id
from libs.common.jobs.contract import tick_payload
from libs.common.jobs.registry import contract_of
from libs.common.ledger.accepting import entry_from
from libs.common.ledger.contract import Ledger
from libs.common.logging import get_logger
from libs.common.stores.collections import TICKS_KEPT
from libs.common.stores.schedules import Schedule, ScheduleStore
from libs.common.stores.ticks import TickRow, TickStore
from services.scheduler.metrics import LATENESS_SECONDS, TICKS
from services.scheduler.ticks import TickDecision, decide_ticks

log = get_logger(__name__)

LATE_AFTER: Final = timedelta(seconds=10)
"""From when on a tick counts as missed: longer than a scheduler takes that is there."""


class Queue(Protocol):
    """What is asked of a queue; :class:`libs.common.broker.queue.JobQueue` does it."""

    def add(self, jobs: list[NewJob]) -> list[Added]:
        """Adds jobs; a known id adds nothing."""
        ...


class TickEmitter:
    """Emits ticks.

    Args:
        schedules: the schedules.
        ticks: what became of ticks.
        ledger: where emitted jobs are accepted.
        queues: every queue by its name.
        clock: tells which ticks have come.
        name: of this process, for the rows.
        late_after: from when on a tick counts as missed.
    """

    def __init__(
        self,
        schedules: ScheduleStore,
        ticks: TickStore,
        ledger: Ledger,
        queues: Mapping[str, Queue],
        *,
        clock: Clock,
        name: str,
        late_after: timedelta = LATE_AFTER,
    ) -> None:
        self._schedules = schedules
        self._ticks = ticks
        self._ledger = ledger
        self._queues = queues
        self._clock = clock
        self._name = name
        self._late_after = late_after

    def run_once(self, schedule_name: str) -> list[TickRow]:
        """Decides the ticks of a schedule that have come, and emits what is to be; answers what this call decided.

        Raises:
            StoreUnavailable: MongoDB is away; the ticks are found missed later.
        """
        schedule = self._schedules.get(schedule_name)
        if schedule is None:
            return []
        now = self._clock.now()
        due = self._due(schedule, now)
        decisions = decide_ticks(
            due, now=now, enabled=schedule.enabled, missed=schedule.missed, late_after=self._late_after
        )
        decided = self._ticks.decide([self._row(schedule, decision, now) for decision in decisions])
        for row in decided:
            TICKS.labels(row.schedule, row.outcome.value).inc()
        self.emit_decided()
        if due:
            self._schedules.decided(schedule.name, due[-1])
        return decided

    def emit_decided(self) -> int:
        """Emits every tick that was decided to be and was not yet, whoever decided it; answers how many.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        rows = self._ticks.to_emit()
        for row in rows:
            schedule = self._schedules.get(row.schedule)
            if schedule is None:
                self._ticks.not_to_be_emitted(row, "there is no such schedule any more")
                continue
            try:
                self._emit(row, schedule)
            except InvalidInput as error:
                log.warning("tick.not_emitted", schedule=row.schedule, tick=row.tick.isoformat(), error=str(error))
                self._ticks.not_to_be_emitted(row, str(error))
        return len(rows)

    def _due(self, schedule: Schedule, now: datetime) -> list[datetime]:
        try:
            cron, zone = parse_cron(schedule.cron), parse_zone(schedule.timezone)
        except InvalidInput as error:
            log.warning("schedule.unreadable", schedule=schedule.name, error=str(error))
            return []
        known = [moment for moment in (schedule.last_tick_at, self._ticks.last_decided(schedule.name)) if moment]
        # A new schedule owes nothing for the time before it was there, and nobody looks for rows that are not kept.
        since = max(known) if known else now - self._late_after
        return list(cron.between(max(since, now - TICKS_KEPT), now, zone))

    def _row(self, schedule: Schedule, decision: TickDecision, now: datetime) -> TickRow:
        return TickRow(
            schedule=schedule.name,
            tick=decision.tick,
            outcome=decision.outcome,
            reason=decision.reason,
            decided_at=now,
            decided_by=self._name,
            job_id=tick_job_id(schedule.name, decision.tick) if decision.emits else None,
            emitted=False if decision.emits else None,
        )

    def _emit(self, row: TickRow, schedule: Schedule) -> None:
        contract = contract_of(schedule.job_type)
        payload = tick_payload(contract, schedule.data, schedule=schedule.name, tick=row.tick)
        job_id = tick_job_id(schedule.name, row.tick)
        accepted = self._ledger.accept(entry_from(contract, payload, job_id=job_id, created_at=self._clock.now()))
        self._ticks.emitted(row)
        if not accepted.created:
            return
        LATENESS_SECONDS.labels(schedule.name).observe(max(0.0, (self._clock.now() - row.tick).total_seconds()))
        log.info("tick.emitted", schedule=schedule.name, tick=row.tick.isoformat(), job_id=job_id)
        try:
            self._queues[contract.queue].add([job_from(contract, payload, job_id=job_id, in_ledger=True)])
        except StoreUnavailable as error:
            # The ledger holds it; the reconciler enqueues it once Redis is back.
            log.warning("tick.left_to_reconciler", schedule=schedule.name, job_id=job_id, error=error.reason)


def tick_job_id(schedule_name: str, tick: datetime) -> str:
    """The id of the one job that stands for a tick."""
    return derived_job_id("tick", schedule_name, tick.isoformat())
