"""Every bad request is refused by name, and leaves nothing behind."""

import json

import pytest

from tests.unit.gateway.bad_inputs import BAD_INPUTS, JSON, BadInput
from tests.unit.gateway.fakes import SERVICE, World


@pytest.mark.parametrize("bad", BAD_INPUTS, ids=lambda bad: bad.title)
def test_a_bad_request_is_refused_by_name_and_enqueues_nothing(bad: BadInput) -> None:
    world = World()

    answer = world.client.post(
        "/api/bullmq/jobs", data=bad.content, headers={**SERVICE, "Content-Type": JSON, **bad.headers}
    )

    assert answer.status_code == bad.status, answer.text
    assert answer.content_type == "application/problem+json"
    problem = json.loads(answer.text)
    assert problem["status"] == bad.status
    assert bad.names in problem["detail"]
    assert [error["field"] for error in problem.get("errors", [])] == ([bad.at] if bad.at else [])
    assert "Traceback" not in answer.text
    assert not world.ledger.entries
    assert not world.enqueued
