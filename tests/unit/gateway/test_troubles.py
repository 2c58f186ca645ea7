"""What is wrong, as programs are told."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Flask

from libs.common.broker.model import QueueStats
from services.gateway.auth import Tokens, guard
from services.gateway.dashboard.troubles import Facts
from services.gateway.health import Part
from services.gateway.routes.troubles import troubles_routes
from tests.unit.gateway.fakes import SERVICE, World

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def told(**known: Any) -> Mapping[str, Any]:
    app = Flask("test")
    guard(app, Tokens(World().settings))
    parts = known.pop("parts", {"gateway": Part(status="up")})
    app.register_blueprint(troubles_routes(lambda: Facts(parts=parts, now=NOW, **known)))
    answer: Mapping[str, Any] = app.test_client().get("/troubles", headers=SERVICE).get_json()
    return answer


def test_nothing_is_wrong_where_everything_runs() -> None:
    assert told() == {"verdict": "Everything runs.", "troubles": []}


def test_the_worst_comes_first_with_what_to_do() -> None:
    queue = QueueStats(queue="health-check", counts={"failed": 2}, paused=False, oldest_waiting_seconds=0, totals={})
    answer = told(parts={"redis": Part(status="down", reason="refused")}, queues=[queue])

    assert answer["verdict"] == "One thing needs a person now."
    assert [each["severity"] for each in answer["troubles"]] == ["alarm", "warning"]
    assert answer["troubles"][0]["text"] == "Redis does not answer: refused."
    assert "ledger" in answer["troubles"][0]["advice"]
    assert answer["troubles"][1]["text"] == "2 dead letters in health-check."
