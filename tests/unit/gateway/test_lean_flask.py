"""The lean app answers as Flask itself does."""

import pytest
from flask import Flask, Response, request, session, url_for

from services.gateway.lean_flask import LeanFlask


def answers(app: Flask, path: str, headers: dict[str, str], script: str) -> tuple[int, str]:
    def show(name: str) -> Response:
        shown = (name, request.host, url_for("show", name="ü/b", q="1"), url_for("show", name="c", _external=True))
        return Response("\n".join(shown))

    app.add_url_rule("/named/<path:name>", "show", show)
    app.add_url_rule("/folder/", "folder", lambda: "")
    answer = app.test_client().get(path, headers=headers, environ_overrides={"SCRIPT_NAME": script})
    return answer.status_code, answer.text


@pytest.mark.parametrize(
    "host", ["h", "H.example.com:80", "h:99", "[::1]:80", "", "a b", "a..b", "x" * 70, "xn--mnchen-3ya"]
)
@pytest.mark.parametrize("path", ["/named/a", "//named/a?q=%C3%BC", "/named/%C3%BC/b", "/folder?q=1", "/nothing"])
@pytest.mark.parametrize("script", ["", "/below"])
def test_a_request_finds_the_route_that_flask_finds_whatever_its_host(host: str, path: str, script: str) -> None:
    lean, flask = (answers(app, path, {"Host": host}, script) for app in (LeanFlask("test"), Flask("test")))

    assert lean == flask


def test_a_websocket_is_refused() -> None:
    headers = {"Connection": "Upgrade", "Upgrade": "websocket"}

    assert answers(LeanFlask("test"), "/named/a", headers, "") == answers(Flask("test"), "/named/a", headers, "")
    assert answers(LeanFlask("test"), "/named/a", headers, "")[0] == 400


def test_nothing_can_be_put_into_flask_s_session() -> None:
    app = LeanFlask("test")
    with app.test_request_context("/"), pytest.raises(RuntimeError, match="secret key"):
        session["a"] = 1
