"""Whatever the OpenAPI document allows, and what it does not: the gateway never fails, and answers only what it says.

``make test`` asks each call a few things, ``make chaos`` many (``FUZZ_EXAMPLES`` sets how many). The requests are made
by schemathesis from ``/openapi.json``, the answers judged by its checks.
"""

import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from libs.common.credentials import new_credentials_key
from libs.common.settings import Secret, Settings
from services.gateway.bootstrap import build

ADMIN = {"Authorization": "Bearer admin"}
FEW, MANY = 2, int(os.environ.get("FUZZ_EXAMPLES", "150"))
ENDLESS = frozenset({"/api/bullmq/events", "/api/bullmq/jobs/{jobId}/events"})
"""Streams, which have tests of their own."""


@pytest.fixture
def schema(redis_url: str, mongo_uri: str) -> Iterator[Any]:
    """The document of a gateway on real stores, and the way to it."""
    gateway = build(
        Settings(
            redis_url=Secret(redis_url),
            mongodb_uri=Secret(mongo_uri),
            service_token=Secret("service"),
            admin_token=Secret("admin"),
            credentials_key=Secret(new_credentials_key()),
            requests_per_second=100_000,
            scrape_timeout_ms=500,
        )
    )
    client = gateway.app.test_client()
    assert client.post("/api/bullmq/initialize", headers=ADMIN).status_code == 200
    yield schemathesis.openapi.from_wsgi("/openapi.json", gateway.app)
    gateway.close()


def operations(schema: Any) -> list[Any]:
    found = [each.ok() for each in schema.get_all_operations()]
    return [each for each in found if each.path not in ENDLESS]


def ask(operation: Any, *, examples: int, mode: GenerationMode) -> str:
    """Asks one call many things; answers what was wrong, or nothing."""

    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def asked(case: Any) -> None:
        answer = case.call(headers=ADMIN)
        # What is asked for health may say that something is not well: here no service runs.
        is_health = operation.path == "/api/bullmq/health"
        assert answer.status_code < 500 or is_health, f"{answer.status_code}: {answer.text[:500]}"
        case.validate_response(
            answer, checks=[status_code_conformance, content_type_conformance, response_schema_conformance]
        )

    try:
        asked()
    except Unsatisfiable:
        return ""
    except (AssertionError, ExceptionGroup) as error:
        return f"{operation.method.upper()} {operation.path} ({mode.value}): {str(error)[:1500]}"
    return ""


def ask_all(schema: Any, *, examples: int) -> list[str]:
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    wrong = [ask(each, examples=examples, mode=mode) for each in operations(schema) for mode in modes]
    return [each for each in wrong if each]


def test_each_call_answers_only_what_it_documents(schema: Any) -> None:
    assert len(operations(schema)) > 40
    assert ask_all(schema, examples=FEW) == []


@pytest.mark.chaos
@pytest.mark.timeout(3_000)
def test_each_call_answers_only_what_it_documents_however_often_it_is_asked(schema: Any) -> None:
    assert ask_all(schema, examples=MANY) == []
