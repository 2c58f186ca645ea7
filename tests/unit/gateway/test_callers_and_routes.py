"""Every route of the whole gateway against every kind of token, and guessing tokens."""

import itertools
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.exceptions import Forbidden, HTTPException, TooManyRequests, Unauthorized

from libs.common.settings import Secret, Settings
from services.gateway.auth import Scope
from services.gateway.bootstrap import build
from services.gateway.declaring import Declaration
from services.gateway.guessing import UNGUESSABLE_LENGTH, GuessLimits
from services.gateway.openapi import declared_routes
from tests.unit.gateway.fakes import World

KINDS = {
    "nothing": None,
    "an unknown token": "unknown",
    "the service token": "service",
    "the admin token": "admin",
    "a workspace's token": "of-w1",
}

NOT_FOR_WORKSPACES = {
    "GET /api/bullmq/events",
    "GET /api/bullmq/metrics",
    "GET /api/bullmq/schedules",
    "GET /api/bullmq/schedules/<name>/ticks",
    "GET /api/bullmq/stats",
    "GET /api/bullmq/troubles",
    "GET /metrics",
}
"""What the service token may ask and a workspace's may not, because it is about all of them."""


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    gateway = build(
        Settings(
            redis_url=Secret("redis://127.0.0.1:9/0"),
            mongodb_uri=Secret("mongodb://127.0.0.1:9/"),
            service_token=Secret("service"),
            admin_token=Secret("admin"),
            workspace_tokens=Secret("w1=of-w1"),
        )
    )
    yield gateway.app
    gateway.close()
    assert gateway.services.is_closed, "its connections would stay open"


def expected(declared: Declaration, kind: str) -> type[HTTPException] | None:
    """How a call is refused by its token alone; ``None`` where it is not."""
    held = {"nothing": Scope.OPEN, "the admin token": Scope.ADMIN}.get(kind, Scope.SERVICE)
    if kind == "an unknown token" or (kind == "nothing" and declared.scope is not Scope.OPEN):
        return Unauthorized
    for_all = kind != "a workspace's token" or declared.scope is Scope.OPEN or declared.for_workspaces
    return None if held >= declared.scope and for_all else Forbidden


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_token_may_call_exactly_what_the_routes_declare(app: Flask, kind: str) -> None:
    headers = {"Authorization": f"Bearer {KINDS[kind]}"} if KINDS[kind] else {}
    seen = 0
    for number, (rule, declared) in enumerate(declared_routes(app)):
        path = rule.rule.replace("<", "").replace(">", "")
        # An address of its own for each, because many unknown tokens from one are not even looked at.
        address = {"REMOTE_ADDR": f"10.0.{number // 250}.{number % 250}"}
        with app.test_request_context(path, method=declared.method, headers=headers, environ_base=address):
            try:
                app.preprocess_request()
                refusal = None
            except HTTPException as error:
                refusal = type(error)
        assert refusal is expected(declared, kind), f"{declared.method} {rule.rule} with {kind}"
        seen += 1
    assert seen > 40


def test_what_is_not_for_workspaces_is_about_all_of_them(app: Flask) -> None:
    found = {
        f"{declared.method} {rule.rule}"
        for rule, declared in declared_routes(app)
        if declared.scope is Scope.SERVICE and not declared.for_workspaces
    }

    assert found - NOT_FOR_WORKSPACES == set()


def test_guessing_is_slow_and_whoever_shares_the_address_goes_on() -> None:
    world = World()
    good = {"Authorization": "Bearer service-token"}
    assert world.client.get("/api/bullmq/stats", headers=good).status_code == 200

    statuses = [
        world.client.get("/api/bullmq/stats", headers={"Authorization": f"Bearer guess-{n}"}).status_code
        for n in range(25)
    ]

    assert statuses == [401] * 20 + [429] * 5
    assert world.client.get("/api/bullmq/stats", headers=good).status_code == 200
    late = world.client.get("/api/bullmq/stats", headers={"Authorization": "Bearer admin-token"})
    assert (late.status_code, late.headers["Retry-After"]) == (429, "3")
    elsewhere = {"REMOTE_ADDR": "10.9.9.9"}
    assert world.client.get("/api/bullmq/stats", headers=good, environ_base=elsewhere).status_code == 200


def test_a_token_that_cannot_be_guessed_is_taken_from_a_fresh_gateway_whatever_others_of_its_address_show() -> None:
    long = "f" * UNGUESSABLE_LENGTH
    world = World(Settings(service_token=Secret(long), admin_token=Secret(long[1:])))
    for n in range(30):
        world.client.get("/api/bullmq/stats", headers={"Authorization": f"Bearer guess-{n}"})

    def asked(token: str) -> int:
        return world.client.get("/api/bullmq/stats", headers={"Authorization": f"Bearer {token}"}).status_code

    assert asked(long) == 200
    assert asked(long[1:]) == 429, "a shorter one could be found by trying"
    assert asked("e" * UNGUESSABLE_LENGTH) == 429


@pytest.mark.parametrize(
    ("address", "other", "is_one"),
    [
        ("2606:4700:0:1::1", "2606:4700:0:1:ffff::2", True),
        ("2606:4700:0:1::1", "2606:4700:0:2::1", False),
        ("::ffff:203.0.113.1", "203.0.113.1", True),
        ("::ffff:203.0.113.1", "::ffff:203.0.113.2", False),
        ("203.0.113.1", "203.0.113.2", False),
        ("unix", "203.0.113.2", False),
    ],
)
def test_addresses_that_are_one_host_s_are_counted_as_one(address: str, other: str, is_one: bool) -> None:
    limits = GuessLimits(at_once=1)
    limits.was_wrong(address)

    if is_one:
        with pytest.raises(TooManyRequests):
            limits.check(other, "x")
    else:
        limits.check(other, "x")


def test_an_address_may_try_again_after_a_pause() -> None:
    seconds = itertools.chain([0.0] * 8, itertools.repeat(3.0))
    limits = GuessLimits(at_once=2, pause_s=3, monotonic=lambda: next(seconds))

    for _ in range(2):
        limits.check("a", "x")
        limits.was_wrong("a")
    with pytest.raises(TooManyRequests):
        limits.check("a", "x")
    limits.check("b", "x")
    next(seconds), next(seconds)
    limits.check("a", "x")


def test_only_so_many_addresses_are_remembered() -> None:
    limits = GuessLimits(at_once=1, most=2)
    for address in ("a", "b", "c"):
        limits.was_wrong(address)

    limits.check("a", "x")
    with pytest.raises(TooManyRequests):
        limits.check("c", "x")


def test_a_proxy_s_word_counts_only_where_one_is_trusted() -> None:
    for trusted, statuses in ((0, [401] * 20 + [429] * 5), (1, [401] * 25)):
        world = World(Settings(service_token=Secret("s"), admin_token=Secret("a"), trusted_proxies=trusted))
        answers = [
            world.client.get(
                "/api/bullmq/stats", headers={"Authorization": "Bearer guess", "X-Forwarded-For": f"203.0.113.{n}"}
            ).status_code
            for n in range(25)
        ]
        assert answers == statuses
