"""`health-check`: every five minutes, ask every active line how it is."""

from datetime import timedelta

from libs.common.jobs.contract import JobContract, MissedTicks, Origin, TickPayload

HEALTH_CHECK = JobContract(
    job_type="health-check",
    queue="health-check",
    payload=TickPayload,
    origin=Origin.SCHEDULE,
    max_attempts=2,
    time_limit=timedelta(minutes=2),
    unique_key=lambda payload: payload.tick,
    cron="*/5 * * * *",
    # What was not looked at in time is looked at by the next check anyway.
    missed_ticks=MissedTicks.SKIP,
)
