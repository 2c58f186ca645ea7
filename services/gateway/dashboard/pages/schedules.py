"""Schedules: when they run next, what became of the last ticks, on and off."""

from typing import Final

import msgspec
from flask import Blueprint, Response, url_for
from werkzeug.exceptions import NotFound

from libs.common.logging import get_logger
from libs.common.stores.schedules import Schedule
from services.gateway.auth import Scope, bound_workspace, needs
from services.gateway.dashboard.access import NAME
from services.gateway.dashboard.deciding import who
from services.gateway.dashboard.parts import Parts
from services.gateway.dashboard.rendering import page
from services.gateway.dashboard.said import back_to
from services.gateway.dashboard.schedules import is_of, schedule_row

log = get_logger(__name__)

_TICKS: Final = 24


def add_schedules(pages: Blueprint, parts: Parts) -> None:
    """Adds the page of the schedules."""

    @pages.get("/schedules")
    @needs(Scope.SERVICE, for_workspaces=True)
    def schedules() -> Response:
        now, workspace = parts.clock.now(), bound_workspace()
        rows = [
            schedule_row(each, now=now, ticks=parts.ticks.latest(each.name, limit=_TICKS))
            for each in parts.schedules.all()
            if workspace is None or is_of(each, workspace)
        ]
        return page(parts, "schedules.html", rows=rows)

    @pages.post("/schedules/<name>/<any(on, off):what>")
    @needs(Scope.ADMIN)
    def switch_schedule(name: str, what: str) -> Response:
        schedule = _found(parts, name)
        parts.schedules.put(msgspec.structs.replace(schedule, enabled=what == "on"))
        log.info("schedule.switched", schedule=name, enabled=what == "on", by=who())
        return back_to(url_for(f"{NAME}.schedules"), f"The schedule {name} is {what}.")

    @pages.post("/schedules/<name>/now")
    @needs(Scope.ADMIN)
    def run_schedule(name: str) -> Response:
        job_id = parts.run_schedule(_found(parts, name))
        log.info("schedule.run_now", schedule=name, job_id=job_id, by=who())
        return back_to(url_for(f"{NAME}.job", job_id=job_id), f"The schedule {name} runs now, beside its ticks.")


def _found(parts: Parts, name: str) -> Schedule:
    schedule = parts.schedules.get(name)
    if schedule is None:
        raise NotFound(f"There is no schedule {name[:80]!r}.")
    return schedule
