"""`GET /schedules`, `PUT /schedules/{name}`, `POST /schedules/{name}/run`, `GET /schedules/{name}/ticks`."""

from collections.abc import Callable, Sequence

import msgspec
from flask import Response
from werkzeug.exceptions import NotFound

from libs.common.stores.schedules import Schedule
from libs.common.stores.ticks import TickRow
from services.gateway.answers import json_answer
from services.gateway.auth import Scope
from services.gateway.declaring import Routes
from services.gateway.schedule_desk import ScheduleOrder, Schedules, ShownSchedule

_MOST_TICKS = 500


class SchedulesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Every schedule."""

    schedules: Sequence[ShownSchedule]


class TicksAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The last ticks of a schedule, the newest first."""

    ticks: Sequence[TickRow]


class ScheduleRun(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A schedule that runs now.

    Args:
        job_id: the job that stands for it.
    """

    job_id: str


def schedules_routes(schedules: Schedules, run: Callable[[Schedule], str]) -> Routes:
    """The routes of schedules.

    Args:
        schedules: shows and changes them.
        run: runs one now; answers the job.
    """
    routes = Routes("schedules")

    @routes.declare(
        "GET",
        "/schedules",
        scope=Scope.SERVICE,
        summary="Every schedule: next run, last tick, on or off, cron, time zone",
        answers={200: SchedulesAnswer},
    )
    def show_all() -> Response:
        return json_answer(SchedulesAnswer(schedules=schedules.all()))

    @routes.declare(
        "PUT",
        "/schedules/<name>",
        scope=Scope.ADMIN,
        summary="Create or change a schedule; what is left out stays as it is",
        body=ScheduleOrder,
        answers={200: ShownSchedule},
    )
    def put(name: str, body: ScheduleOrder) -> Response:
        return json_answer(schedules.put(name, body))

    @routes.declare(
        "POST",
        "/schedules/<name>/run",
        scope=Scope.ADMIN,
        summary="Run a schedule now, beside its ticks; twice within a second is once",
        answers={202: ScheduleRun},
        problems=[404, 422],
    )
    def run_now(name: str) -> Response:
        found = schedules.stored(name)
        if found is None:
            raise NotFound(f"There is no schedule {name[:80]!r}.")
        return json_answer(ScheduleRun(job_id=run(found)), status=202)

    @routes.declare(
        "GET",
        "/schedules/<name>/ticks",
        scope=Scope.SERVICE,
        summary="What became of a schedule's last ticks",
        answers={200: TicksAnswer},
    )
    def ticks(name: str) -> Response:
        return json_answer(TicksAnswer(ticks=schedules.ticks(name, limit=_MOST_TICKS)))

    return routes
