"""How the gateway's answers, and their absence, end for a person."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from libs.cli.failures import BadInput, CommandFailed, Failure, Unreachable
from libs.cli.gateway import Gateway, NoSuchJobError

Handler = Callable[[httpx.Request], httpx.Response]


def gateway(handler: Handler, **how: Any) -> Gateway:
    return Gateway("http://jobs.test:3001/", transport=httpx.MockTransport(handler), **how)


def answering(status: int, body: Any, **headers: str) -> Handler:
    return lambda _request: httpx.Response(status, json=body, headers={"Content-Type": "application/json", **headers})


def problem(status: int, detail: str, **more: Any) -> Handler:
    return lambda _request: httpx.Response(
        status,
        json={"title": "Problem", "detail": detail, "status": status, **more},
        headers={"Content-Type": "application/problem+json", "Retry-After": "5"},
    )


def failing(error: Exception) -> Handler:
    def handler(_request: httpx.Request) -> httpx.Response:
        raise error

    return handler


def failure_of(handler: Handler, **how: Any) -> Failure:
    with pytest.raises(Failure) as caught:
        gateway(handler, **how).stats()
    return caught.value


def test_a_job_is_enqueued_under_the_token_and_the_idempotency_key() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(202, json={"jobId": "j1", "queue": "q", "status": "waiting"})

    answer = gateway(handler, token="secret").enqueue("a-type", {"a": 1}, options={"priority": 2}, idempotency_key="k")

    assert answer["jobId"] == "j1"
    assert str(seen[0].url) == "http://jobs.test:3001/api/bullmq/jobs"
    assert seen[0].headers["Authorization"] == "Bearer secret"
    assert seen[0].headers["Idempotency-Key"] == "k"
    assert seen[0].read() == b'{"jobType":"a-type","data":{"a":1},"options":{"priority":2}}'


def test_without_a_token_none_is_sent() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"authorized": "Authorization" in request.headers})

    assert gateway(handler).stats() == {"authorized": False}


def test_a_gateway_that_is_not_there_is_said_with_what_to_do() -> None:
    failure = failure_of(failing(httpx.ConnectError("[Errno 111] Connection refused")))

    assert isinstance(failure, Unreachable)
    assert failure.message == "Nothing answers at http://jobs.test:3001: connection refused."
    assert "make dev" in failure.hint
    assert "BULLMQ_SERVER_URL" in failure.hint


def test_a_gateway_that_does_not_answer_in_time_is_unreachable() -> None:
    assert isinstance(failure_of(failing(httpx.ReadTimeout("slow"))), Unreachable)


def test_a_refused_token_is_named_with_where_it_came_from() -> None:
    failure = failure_of(problem(401, "A token is needed."), token_story="SERVICE_TOKEN (not set)")

    assert isinstance(failure, BadInput)
    assert "SERVICE_TOKEN (not set)" in failure.hint


def test_a_refused_payload_names_the_field() -> None:
    failure = failure_of(
        problem(400, "The request is invalid.", errors=[{"field": "data.x", "problem": "is required"}])
    )

    assert isinstance(failure, BadInput)
    assert "data.x: is required" in failure.message


def test_an_unavailable_gateway_says_when_to_try_again() -> None:
    failure = failure_of(problem(503, "mongodb is unavailable"))

    assert isinstance(failure, Unreachable)
    assert "mongodb is unavailable" in failure.message
    assert "5 seconds" in failure.hint


def test_a_failing_gateway_is_its_own_fault() -> None:
    assert isinstance(failure_of(problem(500, "boom")), CommandFailed)


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, text="<html>hello</html>", headers={"Content-Type": "text/html"}),
        httpx.Response(404, text="<html>no</html>", headers={"Content-Type": "text/html"}),
        httpx.Response(200, text="{broken", headers={"Content-Type": "application/json"}),
        httpx.Response(200, json=["a", "list"]),
    ],
    ids=["html", "html 404", "broken json", "a list"],
)
def test_some_other_program_at_the_address_is_recognised(response: httpx.Response) -> None:
    failure = failure_of(lambda _request: response)

    assert isinstance(failure, Unreachable)
    assert "not the Tuco Jobs gateway" in failure.message


def test_an_address_that_is_none_is_the_callers_mistake() -> None:
    with pytest.raises(BadInput, match="no address of a gateway") as caught:
        Gateway("http://localhost:many").stats()
    assert caught.value.exit_code == 2


def test_an_unknown_job_is_told_apart() -> None:
    with pytest.raises(NoSuchJobError):
        gateway(problem(404, "no such job")).job("j1")


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_health_is_read_whether_good_or_bad(status: int, healthy: bool) -> None:
    assert gateway(answering(status, {"status": "x"})).health() == (healthy, {"status": "x"})


def test_control_characters_in_an_error_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in failure_of(problem(400, "\x1b[2Jgone")).message
