"""Headers that every answer has."""

import pytest
from flask import Flask, Response

from services.gateway.answers import json_answer
from services.gateway.headers import AddHeaders


@pytest.mark.parametrize(
    ("given", "framing"), [({}, "DENY"), ({"x-frame-options": "SAMEORIGIN"}, "SAMEORIGIN"), ({"Age": "1"}, "DENY")]
)
def test_an_answer_keeps_a_header_that_it_gives_itself(given: dict[str, str], framing: str) -> None:
    app = Flask("test")
    app.add_url_rule("/", view_func=lambda: Response("text", headers=given))
    app.wsgi_app = AddHeaders(app.wsgi_app, {"X-Frame-Options": "DENY", "X-Other": "a"})  # type: ignore[method-assign]  # as Flask documents it

    answer = app.test_client().get("/")

    assert answer.headers.getlist("X-Frame-Options") == [framing]
    assert answer.headers["X-Other"] == "a"
    assert answer.text == "text"


def test_a_document_s_headers_are_sent_as_they_were_given() -> None:
    app = Flask("test")
    app.add_url_rule("/", view_func=lambda: json_answer({}, status=202, headers={"Location": "/jobs/a%20b"}))

    whole, head = app.test_client().get("/"), app.test_client().head("/")

    expected = {"Location": "/jobs/a%20b", "Content-Type": "application/json", "Content-Length": "2"}
    assert (dict(whole.headers), whole.data) == (expected, b"{}")
    assert (dict(head.headers), head.data) == (expected, b"")
