"""Whatever is sent, the answer is one that the OpenAPI document names, and never that something broke."""

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.common.jobs.registry import queues
from libs.common.jobs.states import JobState
from services.gateway.openapi import openapi_document
from tests.unit.gateway.bad_inputs import bulk, message, sync
from tests.unit.gateway.fakes import ADMIN, SERVICE, World

WORLD = World()
DOCUMENT: dict[str, Any] = json.loads(json.dumps(openapi_document(WORLD.app, version="1")))
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SEGMENT = st.one_of(st.sampled_from([*queues(), "id1", "id2"]), TEXT.filter(lambda text: text.strip(". /\\") != ""))
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), TEXT)
ANY_JSON = st.recursive(
    PLAIN, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)), max_leaves=12
)
GOOD_JOBS = st.sampled_from([sync(), bulk(), message(), sync() | {"options": {"delayMs": 5}}])
MANGLED = st.tuples(
    GOOD_JOBS, st.dictionaries(st.sampled_from(["jobType", "data", "options", "x"]), ANY_JSON, max_size=2)
)
BODIES = st.one_of(
    ANY_JSON,
    GOOD_JOBS,
    MANGLED.map(lambda pair: pair[0] | pair[1]),
    st.lists(st.one_of(GOOD_JOBS, ANY_JSON), max_size=5).map(lambda jobs: {"jobs": jobs}),
)
QUERY_VALUES = st.one_of(TEXT, st.sampled_from([*JobState, "1", "100", "0", "-1", "w1", ""]))


@st.composite
def requests(draw: st.DrawFn, path: str, method: str) -> dict[str, Any]:
    """A request to an operation: its parameters as documented or not, any body."""
    operation = DOCUMENT["paths"][path][method]
    address, query = path, {}
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            address = address.replace(f"{{{parameter['name']}}}", quote(draw(SEGMENT), safe=""))
        elif parameter["in"] == "query" and (parameter["required"] or draw(st.booleans())):
            query[parameter["name"]] = draw(QUERY_VALUES)
    if draw(st.integers(0, 9)) == 0:
        query[draw(TEXT)] = "x"
    body = json.dumps(draw(BODIES)).encode() if draw(st.integers(0, 9)) else draw(st.binary(max_size=60))
    headers = dict(draw(st.sampled_from([ADMIN, ADMIN, ADMIN, SERVICE, {}])))
    if method != "get":
        headers["Content-Type"] = draw(st.sampled_from(["application/json"] * 9 + ["text/plain"]))
    if draw(st.booleans()):
        headers["Idempotency-Key"] = draw(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=300))
    return {"path": f"{address}?{urlencode(query)}", "method": method.upper(), "headers": headers, "data": body}


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_documented_and_nothing_breaks(path: str, method: str) -> None:
    documented = DOCUMENT["paths"][path][method]["responses"]

    @settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(requests(path, method))
    def ask(sent: dict[str, Any]) -> None:
        answer = WORLD.client.open(buffered=False, **sent)
        try:
            assert answer.status_code < 500, answer.text
            # An address may become another one's by its parameters, which then answers 404 or 405.
            assert str(answer.status_code) in {*documented, "404", "405"}, (sent, answer.text)
            if str(answer.status_code) in documented:
                assert answer.mimetype in documented[str(answer.status_code)]["content"], sent
        finally:
            answer.close()

    ask()
