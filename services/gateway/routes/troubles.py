"""`GET /troubles`: what is wrong now, in words."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final

import msgspec
from flask import Response

from services.gateway.answers import json_answer
from services.gateway.auth import Scope
from services.gateway.dashboard.troubles import Facts, Trouble, Weight, troubles, verdict
from services.gateway.declaring import Routes


class Severity(StrEnum):
    """How bad it is: work does not get done, it should be looked at today, or somebody wanted it so."""

    ALARM = "alarm"
    WARNING = "warning"
    NOTE = "note"


_SEVERITIES: Final = {
    Weight.ALARM: Severity.ALARM,
    Weight.WARNING: Severity.WARNING,
    Weight.NOTE: Severity.NOTE,
}


class TroubleNow(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong.

    Args:
        severity: how bad it is.
        text: what is wrong.
        advice: what to do about it, or what happens by itself; empty where the text says it.
    """

    severity: Severity
    text: str
    advice: str


class TroublesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong.

    Args:
        verdict: all of it in one sentence.
        troubles: each thing, the worst first; empty where everything runs.
    """

    verdict: str
    troubles: Sequence[TroubleNow]


def troubles_routes(facts: Callable[[], Facts]) -> Routes:
    """The route that says what is wrong.

    Args:
        facts: what is known now.
    """
    routes = Routes("troubles")

    @routes.declare(
        "GET",
        "/troubles",
        scope=Scope.SERVICE,
        summary="What is wrong now, in words, the worst first",
        answers={200: TroublesAnswer},
    )
    def show_troubles() -> Response:
        found = troubles(facts())
        return json_answer(TroublesAnswer(verdict=verdict(found), troubles=[_shown(each) for each in found]))

    return routes


def _shown(trouble: Trouble) -> TroubleNow:
    return TroubleNow(severity=_SEVERITIES[trouble.weight], text=trouble.text, advice=trouble.advice)
