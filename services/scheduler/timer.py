"""Keeps time for schedules: APScheduler wakes the emitter at each tick; schedules are followed as they change."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from libs.common.cron import Cron, parse_cron, parse_zone
from libs.common.errors import InvalidInput, StoreUnavailable
from libs.common.logging import get_logger
from libs.common.stores.schedules import Schedule

log = get_logger(__name__)

_FOLLOW_S: Final = 1.0
_EMIT_LEFT_OVER_S: Final = 5.0
_FOLLOW_ID: Final = ":follow"
_LEFT_OVER_ID: Final = ":left-over"


class CronTicks(BaseTrigger):  # type: ignore[misc]  # APScheduler 3 has no types
    """A cron expression by our rules as an APScheduler trigger.

    APScheduler's own counts weekdays from Monday and skips set times that a clock change skips.
    """

    def __init__(self, cron: Cron, zone: ZoneInfo) -> None:
        self._cron = cron
        self._zone = zone

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The tick after the last one, or after now."""
        return self._cron.next_after(previous_fire_time or now, self._zone)


class Timer:
    """Wakes the emitter.

    Args:
        read: reads all schedules.
        run: decides and emits the ticks of one schedule, by its name.
        emit_left_over: emits what others have decided and not emitted.
        follow_s: how often schedules are read, in seconds.
    """

    def __init__(
        self,
        read: Callable[[], Sequence[Schedule]],
        run: Callable[[str], object],
        emit_left_over: Callable[[], object],
        *,
        follow_s: float = _FOLLOW_S,
    ) -> None:
        self._read = read
        self._run = run
        self._emit_left_over = emit_left_over
        self._follow_s = follow_s
        self._known: dict[str, tuple[str, str]] = {}
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(8)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    @property
    def alive(self) -> bool:
        """Whether it keeps time."""
        return bool(self._scheduler.running)

    def start(self) -> None:
        """Begins; every schedule is looked at once at the start, for the ticks that were missed."""
        self._scheduler.start()
        self._scheduler.add_job(
            self._guarded(self.follow),
            "interval",
            seconds=self._follow_s,
            id=_FOLLOW_ID,
            next_run_time=datetime.now(UTC),
        )
        self._scheduler.add_job(
            self._guarded(self._emit_left_over), "interval", seconds=_EMIT_LEFT_OVER_S, id=_LEFT_OVER_ID
        )

    def stop(self) -> None:
        """Ends; a tick under way is finished."""
        self._scheduler.shutdown(wait=True)

    def follow(self) -> None:
        """Takes over what has changed in the schedules.

        Raises:
            StoreUnavailable: MongoDB is away; the schedules go on as they were.
        """
        schedules = {schedule.name: schedule for schedule in self._read()}
        for name in self._known.keys() - schedules.keys():
            del self._known[name]
            self._forget(name)
        for name, schedule in schedules.items():
            identity = (schedule.cron, schedule.timezone)
            if self._known.get(name) != identity:
                self._known[name] = identity
                self._time(schedule)

    def _time(self, schedule: Schedule) -> None:
        try:
            trigger = CronTicks(parse_cron(schedule.cron), parse_zone(schedule.timezone))
        except InvalidInput as error:
            log.warning("schedule.unreadable", schedule=schedule.name, error=str(error))
            self._forget(schedule.name)
            return
        self._scheduler.add_job(
            self._guarded(self._run), trigger, args=[schedule.name], id=schedule.name, replace_existing=True
        )
        self._scheduler.add_job(
            self._guarded(self._run), args=[schedule.name], id=f"{schedule.name}:now", replace_existing=True
        )
        log.info("schedule.followed", schedule=schedule.name, cron=schedule.cron, timezone=schedule.timezone)

    def _forget(self, name: str) -> None:
        try:
            self._scheduler.remove_job(name)
        except JobLookupError:
            return
        log.info("schedule.ended", schedule=name)

    def _guarded(self, run: Callable[..., object]) -> Callable[..., None]:
        """``run``, where a store that is away is waited out: what was missed is found at the next tick."""

        def guarded(*arguments: str) -> None:
            try:
                run(*arguments)
            except StoreUnavailable as error:
                log.warning("store.lost", store=error.store, reason=error.reason)

        return guarded
