"""The OpenAPI document says everything about every route, and nothing that is not so."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from services.gateway.auth import Scope, scope_of
from services.gateway.declaring import declaration_of
from services.gateway.openapi import openapi_document, path_of
from services.gateway.reference.__main__ import whole_gateway
from services.gateway.reference.markdown import reference_markdown
from services.gateway.reference.page import reference_page
from tests.unit.gateway.fakes import World

DASHBOARD = "/dashboard"


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    gateway = whole_gateway()
    yield gateway.app
    gateway.side_by_side.close()


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(openapi_document(app, version="1.2.3")))
    return made


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, each) for path, methods in document["paths"].items() for method, each in methods.items()]


def test_every_route_of_the_api_is_in_the_document(app: Flask, document: dict[str, Any]) -> None:
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(DASHBOARD):
            continue
        for method in (rule.methods or set()) - {"HEAD"}:
            assert method.lower() in document["paths"].get(path_of(rule.rule), {}), f"{method} {rule.rule}"


def test_every_documented_answer_has_a_schema(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        assert operation["responses"], path
        for status, answer in operation["responses"].items():
            assert answer["content"], (method, path, status)
            assert all(content["schema"] for content in answer["content"].values()), (method, path, status)


def test_every_reference_leads_to_a_type(document: dict[str, Any]) -> None:
    named = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))

    assert named <= set(document["components"]["schemas"])
    assert "Problem" in named


def test_every_path_parameter_is_declared(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        declared = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path)), (method, path)


def test_every_operation_has_an_id_of_its_own_and_says_what_it_does(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]

    assert len(set(ids)) == len(ids)
    assert all(operation["summary"] for _, _, operation in operations(document))


def test_the_document_asks_for_a_token_exactly_where_the_route_does(app: Flask, document: dict[str, Any]) -> None:
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        declared = declaration_of(view)
        if declared is not None:
            asks = bool(document["paths"][path_of(rule.rule)][declared.method.lower()]["security"])
            assert asks == (scope_of(view) is not Scope.OPEN)


def test_what_a_job_may_hold_is_told_for_each_job_type(document: dict[str, Any]) -> None:
    request = document["components"]["schemas"]["JobRequest"]

    assert request["properties"]["jobType"]["enum"] == [
        "bulk-availability-check",
        "integration-sync",
        "message-processing",
    ]
    assert {"$ref": "#/components/schemas/MessageProcessing"} in request["properties"]["data"]["anyOf"]


def test_the_words_for_a_field_stand_at_the_field(document: dict[str, Any]) -> None:
    job = document["components"]["schemas"]["JobAnswer"]

    assert job["description"] == "A job as callers see it."
    assert job["properties"]["attemptsMade"]["description"] == "how often it ran."


def test_both_pages_are_served_without_a_token_and_without_scripts() -> None:
    client = World().client

    page = client.get("/docs")
    style = client.get("/docs/style.css")

    assert client.get("/openapi.json").get_json()["openapi"] == "3.1.0"
    assert (page.status_code, style.status_code) == (200, 200)
    assert "<script" not in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert "script-src" not in page.headers["Content-Security-Policy"]
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "/api/bullmq/jobs/{jobId}" in page.text


def test_the_page_shows_the_document_as_inert_text(document: dict[str, Any]) -> None:
    evil = json.loads(json.dumps(document))
    evil["info"]["title"] = "<script>alert(1)</script>"

    assert "<script" not in reference_page(evil)


def test_the_page_in_the_docs_is_the_one_that_the_routes_make(document: dict[str, Any]) -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "rest.md"

    assert page.read_text() == reference_markdown(document), "run: python -m services.gateway.reference"
