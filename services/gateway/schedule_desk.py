"""Schedules as people see and change them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec

from libs.common.clock import Clock
from libs.common.cron import parse_cron, parse_zone
from libs.common.errors import InvalidInput
from libs.common.jobs.contract import MissedTicks, TickPayload
from libs.common.jobs.registry import contract_of
from libs.common.stores.schedules import Schedule, ScheduleStore
from libs.common.stores.ticks import TickRow, TickStore


class ScheduleOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A schedule, as a caller writes it; what is left out stays as it is, or is the default of a new one."""

    job_type: str | None = None
    cron: str | None = None
    timezone: str | None = None
    enabled: bool | None = None
    data: dict[str, Any] | None = None
    missed: MissedTicks | None = None


class ShownSchedule(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A schedule, as it is shown.

    Args:
        name: its name.
        next_at: its next tick; ``None`` where it is off.
        last_tick: what became of the last one.
    """

    name: str
    job_type: str
    cron: str
    timezone: str
    enabled: bool
    missed: MissedTicks
    data: Mapping[str, Any]
    next_at: datetime | None = None
    last_tick: TickRow | None = None


ScheduleName = Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9-]{0,99}$")]


class Schedules:
    """Shows and changes schedules.

    Args:
        store: the schedules.
        ticks: what became of their ticks.
        clock: tells the time.
    """

    def __init__(self, store: ScheduleStore, ticks: TickStore, *, clock: Clock) -> None:
        self._store = store
        self._ticks = ticks
        self._clock = clock

    def all(self) -> list[ShownSchedule]:
        """Every schedule.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        return [self._shown(schedule) for schedule in self._store.all()]

    def stored(self, name: str) -> Schedule | None:
        """A schedule as it is stored; ``None`` where there is none of this name.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        return self._store.get(name)

    def ticks(self, name: str, *, limit: int) -> Sequence[TickRow]:
        """The last ticks of a schedule, newest first.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        return self._ticks.latest(name, limit=limit)

    def put(self, name: str, order: ScheduleOrder) -> ShownSchedule:
        """Creates or changes a schedule; the scheduler follows within seconds.

        Raises:
            InvalidInput: naming the field that is wrong and what would be right.
            StoreUnavailable: MongoDB is away.
        """
        try:
            msgspec.convert(name, ScheduleName)
        except msgspec.ValidationError as error:
            raise InvalidInput("name", "expected small letters, digits and hyphens, at most 100") from error
        schedule = _changed(name, self._store.get(name), order)
        _check(schedule)
        self._store.put(schedule)
        return self._shown(self._store.get(name) or schedule)

    def _shown(self, schedule: Schedule) -> ShownSchedule:
        latest = self._ticks.latest(schedule.name, limit=1)
        return ShownSchedule(
            name=schedule.name,
            job_type=schedule.job_type,
            cron=schedule.cron,
            timezone=schedule.timezone,
            enabled=schedule.enabled,
            missed=schedule.missed,
            data=schedule.data,
            next_at=self._next_at(schedule) if schedule.enabled else None,
            last_tick=latest[0] if latest else None,
        )

    def _next_at(self, schedule: Schedule) -> datetime | None:
        try:
            return parse_cron(schedule.cron).next_after(self._clock.now(), parse_zone(schedule.timezone))
        except InvalidInput:
            return None


def _changed(name: str, before: Schedule | None, order: ScheduleOrder) -> Schedule:
    given = {field: value for field, value in msgspec.structs.asdict(order).items() if value is not None}
    if before is not None:
        return msgspec.structs.replace(before, **given)
    missing = [field for field in ("job_type", "cron") if field not in given]
    if missing:
        raise InvalidInput("jobType" if missing[0] == "job_type" else "cron", "is required for a new schedule")
    return Schedule(name=name, **given)


def _check(schedule: Schedule) -> None:
    contract = contract_of(schedule.job_type)
    parse_cron(schedule.cron)
    parse_zone(schedule.timezone)
    if not issubclass(contract.payload, TickPayload):
        contract.parse(schedule.data)
    elif unknown := set(schedule.data) - {"schedule", "tick"}:
        raise InvalidInput(f"data.{min(unknown)}", f"a job of type {schedule.job_type} takes no data")
