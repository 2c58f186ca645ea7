"""`GET /schedules`, `PUT /schedules/{name}`, `GET /schedules/{name}/ticks`."""

from flask import Blueprint, Response, request

from libs.common.validation import convert_strictly
from services.gateway.answers import json_answer
from services.gateway.auth import Scope, needs
from services.gateway.bodies import read_object
from services.gateway.schedule_desk import ScheduleOrder, Schedules

_MOST_TICKS = 500


def schedules_routes(schedules: Schedules) -> Blueprint:
    """The routes of schedules."""
    routes = Blueprint("schedules", __name__)

    @routes.get("/schedules")
    @needs(Scope.SERVICE)
    def show_all() -> Response:
        return json_answer({"schedules": schedules.all()})

    @routes.put("/schedules/<name>")
    @needs(Scope.ADMIN)
    def put(name: str) -> Response:
        return json_answer(schedules.put(name, convert_strictly(read_object(request), ScheduleOrder, path="")))

    @routes.get("/schedules/<name>/ticks")
    @needs(Scope.SERVICE)
    def ticks(name: str) -> Response:
        return json_answer({"ticks": schedules.ticks(name, limit=_MOST_TICKS)})

    return routes
