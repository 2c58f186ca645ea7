"""The schedules in MongoDB, collection ``schedules``: which job is emitted when, and the last tick of each."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from pymongo import UpdateOne
from pymongo.database import Database

from libs.common.jobs.health_check import HEALTH_CHECK
from libs.common.jobs.scheduled_messages import SCHEDULED_MESSAGES
from libs.common.stores.collections import SCHEDULES
from libs.common.stores.mongo import Document, mongo_errors


class Schedule(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A schedule.

    Args:
        name: its identity; also in the ids of the jobs it emits.
        job_type: what it emits.
        cron: five fields: minute, hour, day of the month, month, day of the week.
        timezone: the IANA time zone in which ``cron`` is read.
        enabled: whether it emits anything.
        data: what is added to each emitted job.
        last_tick_at: the latest moment for which a job was emitted, aware.
    """

    name: str
    job_type: str
    cron: str
    timezone: str = "UTC"
    enabled: bool = True
    data: Mapping[str, Any] = {}
    last_tick_at: datetime | None = None


DEFAULT_SCHEDULES: tuple[Schedule, ...] = (
    Schedule(name=SCHEDULED_MESSAGES.job_type, job_type=SCHEDULED_MESSAGES.job_type, cron="* * * * *"),
    Schedule(name=HEALTH_CHECK.job_type, job_type=HEALTH_CHECK.job_type, cron="*/5 * * * *"),
)
"""The schedules without which the system does not work."""


class ScheduleStore:
    """The stored schedules.

    Args:
        database: with majority write concern.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._schedules = database[SCHEDULES]

    def restore(self, schedules: Sequence[Schedule]) -> list[str]:
        """Creates those that are missing and answers their names; what a person has changed in others stays.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        with mongo_errors():
            written = self._schedules.bulk_write([_create_if_missing(schedule) for schedule in schedules])
        return [schedules[place].name for place in sorted(written.upserted_ids or {})]


def _create_if_missing(schedule: Schedule) -> UpdateOne:
    document: Document = {
        "jobType": schedule.job_type,
        "cron": schedule.cron,
        "timezone": schedule.timezone,
        "enabled": schedule.enabled,
        "data": dict(schedule.data),
        "lastTickAt": schedule.last_tick_at,
    }
    return UpdateOne({"_id": schedule.name}, {"$setOnInsert": document}, upsert=True)
