"""`GET /schedules`, `PUT /schedules/{name}`, `GET /schedules/{name}/ticks`."""

from collections.abc import Sequence

import msgspec
from flask import Response

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


def schedules_routes(schedules: Schedules) -> Routes:
    """The routes of schedules."""
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
        "GET",
        "/schedules/<name>/ticks",
        scope=Scope.SERVICE,
        summary="What became of a schedule's last ticks",
        answers={200: TicksAnswer},
    )
    def ticks(name: str) -> Response:
        return json_answer(TicksAnswer(ticks=schedules.ticks(name, limit=_MOST_TICKS)))

    return routes
