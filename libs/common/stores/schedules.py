"""The schedules in MongoDB, collection ``schedules``: which job is emitted when, and the last tick of each."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from pymongo import UpdateOne
from pymongo.database import Database

from libs.common.jobs.contract import MissedTicks
from libs.common.jobs.registry import contracts
from libs.common.logging import get_logger
from libs.common.stores.collections import SCHEDULES
from libs.common.stores.mongo import Document, mongo_errors

log = get_logger(__name__)


class Schedule(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A schedule.

    Args:
        name: its identity; also in the ids of the jobs it emits.
        job_type: what it emits.
        cron: five fields: minute, hour, day of the month, month, day of the week.
        timezone: the IANA time zone in which ``cron`` is read.
        enabled: whether it emits anything.
        data: what is added to each emitted job.
        missed: what a tick means that nobody was there for.
        last_tick_at: the latest tick of which it was decided what becomes of it, aware.
    """

    name: str
    job_type: str
    cron: str
    timezone: str = "UTC"
    enabled: bool = True
    data: Mapping[str, Any] = {}
    missed: MissedTicks = MissedTicks.RUN_ONCE_LATE
    last_tick_at: datetime | None = None


DEFAULT_SCHEDULES: tuple[Schedule, ...] = tuple(
    Schedule(name=contract.job_type, job_type=contract.job_type, cron=contract.cron, missed=contract.missed_ticks)
    for contract in contracts().values()
    if contract.cron
)
"""The schedules without which the system does not work, as the job types declare them."""


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

    def all(self) -> list[Schedule]:
        """Every schedule that can be read, by name; those that cannot are logged and left out.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        with mongo_errors():
            return [schedule for found in self._schedules.find().sort("_id", 1) if (schedule := schedule_of(found))]

    def get(self, name: str) -> Schedule | None:
        """The schedule of this name, or ``None``.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        with mongo_errors():
            found = self._schedules.find_one({"_id": name})
        return schedule_of(found) if found else None

    def put(self, schedule: Schedule) -> None:
        """Creates or replaces a schedule; the ticks that were decided stay so.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        document = _document(schedule)
        last_tick_at = document.pop("lastTickAt")
        with mongo_errors():
            self._schedules.update_one(
                {"_id": schedule.name},
                {"$set": document, "$setOnInsert": {"lastTickAt": last_tick_at}},
                upsert=True,
            )

    def decided(self, name: str, tick: datetime) -> None:
        """Notes that it is decided what becomes of every tick up to this one.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        with mongo_errors():
            self._schedules.update_one({"_id": name}, {"$max": {"lastTickAt": tick}})


def _create_if_missing(schedule: Schedule) -> UpdateOne:
    return UpdateOne({"_id": schedule.name}, {"$setOnInsert": _document(schedule)}, upsert=True)


def _document(schedule: Schedule) -> Document:
    return {
        "jobType": schedule.job_type,
        "cron": schedule.cron,
        "timezone": schedule.timezone,
        "enabled": schedule.enabled,
        "data": dict(schedule.data),
        "missed": schedule.missed.value,
        "lastTickAt": schedule.last_tick_at,
    }


def schedule_of(document: Document) -> Schedule | None:
    """The schedule that a document holds; ``None``, and a line in the log, where it cannot be read."""
    known = {name: value for name, value in document.items() if value is not None or name == "lastTickAt"}
    try:
        return msgspec.convert({**known, "name": document["_id"]}, Schedule)
    except msgspec.ValidationError as error:
        log.warning("schedule.unreadable", schedule=str(document["_id"]), error=str(error))
        return None
