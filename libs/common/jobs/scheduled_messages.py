"""`scheduled-messages`: each minute, claim every message that is due and enqueue its sending."""

from datetime import timedelta

from libs.common.jobs.contract import JobContract, Origin, TickPayload

SCHEDULED_MESSAGES = JobContract(
    job_type="scheduled-messages",
    queue="scheduled-messages",
    payload=TickPayload,
    origin=Origin.SCHEDULE,
    max_attempts=3,
    time_limit=timedelta(minutes=2),
    unique_key=lambda payload: payload.tick,
    cron="* * * * *",
)
