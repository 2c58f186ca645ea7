"""Running a schedule now, beside its ticks: the same job as a tick's, stamped with the moment of the wish."""

from collections.abc import Mapping

from libs.common.broker.enqueue import job_from
from libs.common.clock import Clock
from libs.common.errors import StoreUnavailable
from libs.common.ids import derived_job_id
from libs.common.jobs.contract import tick_payload
from libs.common.jobs.registry import contract_of
from libs.common.ledger.accepting import entry_from
from libs.common.ledger.contract import Ledger
from libs.common.logging import get_logger
from libs.common.stores.schedules import Schedule
from services.gateway.asked_queues import AddsJobs

log = get_logger(__name__)


class ScheduleRuns:
    """Runs schedules when a person wants it.

    Args:
        ledger: where the jobs are accepted.
        queues: every queue by its name.
        clock: tells the moment of the wish.
    """

    def __init__(self, ledger: Ledger, queues: Mapping[str, AddsJobs], *, clock: Clock) -> None:
        self._ledger = ledger
        self._queues = queues
        self._clock = clock

    def run(self, schedule: Schedule) -> str:
        """Enqueues what a tick of this moment would; answers the job that now stands for it.

        Two wishes within a second are one, and where the job type allows only one unfinished job, that one is answered.

        Raises:
            InvalidInput: the schedule's data do not fit its job type.
            StoreUnavailable: MongoDB is away.
        """
        now = self._clock.now()
        moment = now.replace(microsecond=0)
        contract = contract_of(schedule.job_type)
        payload = tick_payload(contract, schedule.data, schedule=schedule.name, tick=moment)
        job_id = derived_job_id("schedule-run-now", schedule.name, moment.isoformat())
        accepted = self._ledger.accept(entry_from(contract, payload, job_id=job_id, created_at=now))
        if accepted.created:
            try:
                self._queues[contract.queue].add([job_from(contract, payload, job_id=job_id, in_ledger=True)])
            except StoreUnavailable as error:
                # The ledger holds it; the reconciler enqueues it once Redis is back.
                log.warning("schedule_run.left_to_reconciler", schedule=schedule.name, error=error.reason)
        log.info("schedule.run_by_person", schedule=schedule.name, job_id=accepted.entry.job_id)
        return accepted.entry.job_id
