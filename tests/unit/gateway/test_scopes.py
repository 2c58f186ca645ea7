"""Every route has a scope, and every scope is kept."""

import re

import pytest

from libs.common.errors import SettingsError
from libs.common.settings import Secret, Settings
from services.gateway.auth import Scope, Tokens, needs, scope_of
from tests.unit.gateway.fakes import ADMIN, ADMIN_TOKEN, SERVICE, SERVICE_TOKEN, World

_APP = World().app

ROUTES = [
    (method, re.sub(r"<[^>]+>", "x", rule.rule), scope_of(_APP.view_functions[rule.endpoint]))
    for rule in _APP.url_map.iter_rules()
    for method in sorted(rule.methods or ())
]

SHOWN = {
    "no token": ({}, Scope.OPEN),
    "the service token": (SERVICE, Scope.SERVICE),
    "the admin token": (ADMIN, Scope.ADMIN),
}


def test_there_are_routes() -> None:
    assert {path for _, path, _ in ROUTES} >= {
        "/api/bullmq/stats",
        "/api/bullmq/jobs",
        "/api/bullmq/jobs/x",
        "/api/bullmq/initialize",
        "/api/bullmq/health",
        "/api/bullmq/metrics",
        "/metrics",
    }


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
def test_every_route_declares_its_scope(method: str, path: str, scope: Scope | None) -> None:
    assert scope is not None


def test_only_these_routes_answer_without_a_token() -> None:
    assert {path for _, path, scope in ROUTES if scope is Scope.OPEN} == {
        "/api/bullmq/health",
        "/healthz",
        "/readyz",
        "/openapi.json",
        "/docs",
        "/docs/style.css",
    }


def test_whatever_changes_something_needs_the_admin_token_except_to_enqueue() -> None:
    changing = {
        (method, path) for method, path, scope in ROUTES if method not in {"GET", "HEAD"} and scope is Scope.SERVICE
    }

    assert changing == {
        ("POST", "/api/bullmq/jobs"),
        ("POST", "/api/bullmq/jobs/batch"),
        ("POST", "/api/bullmq/messages/replay"),
    }


@pytest.mark.parametrize("shown", SHOWN)
@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
def test_a_route_answers_exactly_those_whose_token_has_its_scope(
    method: str, path: str, scope: Scope, shown: str
) -> None:
    headers, held = SHOWN[shown]

    answer = World().client.open(path, method=method, headers=headers)

    refused = answer.status_code in {401, 403}
    assert refused == (held < scope), answer.text
    if refused:
        assert answer.status_code == (401 if held is Scope.OPEN else 403)
        assert answer.content_type == "application/problem+json"
        assert ("WWW-Authenticate" in answer.headers) == (answer.status_code == 401)


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
@pytest.mark.parametrize("token", ["wrong", SERVICE_TOKEN[:-1], SERVICE_TOKEN + "x", "t\xf6ken", "x" * 5_000])
def test_no_route_answers_an_unknown_token(method: str, path: str, scope: Scope, token: str) -> None:
    for headers in ({"Authorization": f"Bearer {token}"}, {"x-service-token": token}):
        assert World().client.open(path, method=method, headers=headers).status_code == 401


def test_a_route_without_a_scope_answers_nobody() -> None:
    world = World()
    world.app.add_url_rule("/forgotten", view_func=lambda: "secret")

    answer = world.client.get("/forgotten", headers=ADMIN)

    assert answer.status_code == 500
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {SERVICE_TOKEN}"},
        {"Authorization": f"bearer  {SERVICE_TOKEN} "},
        {"x-service-token": SERVICE_TOKEN},
        {"X-Service-Token": SERVICE_TOKEN},
        {"Authorization": "Basic dTpw", "x-service-token": SERVICE_TOKEN},
    ],
)
def test_a_token_may_come_in_either_header(headers: dict[str, str]) -> None:
    assert World().client.get("/api/bullmq/stats", headers=headers).status_code == 200


def test_both_tokens_work_while_one_is_rotated_out() -> None:
    world = World(_settings(service_token="new, old", admin_token=ADMIN_TOKEN))

    for token, status in [("new", 200), ("old", 200), ("new, old", 401), ("", 401)]:
        answer = world.client.get("/api/bullmq/stats", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == status, token


@pytest.mark.parametrize(
    ("service_token", "admin_token", "named"),
    [("", "", "SERVICE_TOKEN"), ("", "a", "SERVICE_TOKEN"), ("s", "", "ADMIN_TOKEN"), (" , ", "a", "SERVICE_TOKEN")],
)
def test_it_does_not_start_without_tokens_outside_dev(service_token: str, admin_token: str, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        Tokens(_settings(service_token=service_token, admin_token=admin_token))


def test_it_does_not_start_with_one_token_for_both_scopes() -> None:
    with pytest.raises(SettingsError, match="share"):
        Tokens(_settings(service_token="a,b", admin_token="b"))


def test_in_dev_without_tokens_everyone_may_do_everything() -> None:
    world = World(Settings(environment="dev"))

    assert world.client.post("/api/bullmq/initialize").status_code == 200


def test_in_dev_with_tokens_they_are_asked_for() -> None:
    world = World(Settings(environment="dev", service_token=Secret("s"), admin_token=Secret("a")))

    assert world.client.post("/api/bullmq/initialize").status_code == 401


def test_declaring_a_scope_leaves_the_view_as_it_is() -> None:
    def view() -> str:
        return "answer"

    assert needs(Scope.OPEN)(view) is view
    assert scope_of(view) is Scope.OPEN


def _settings(*, service_token: str, admin_token: str) -> Settings:
    return Settings(service_token=Secret(service_token), admin_token=Secret(admin_token))
