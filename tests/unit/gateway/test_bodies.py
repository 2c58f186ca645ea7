"""Reading bodies, where a server hands them over in other ways than a test's client does."""

import io

import pytest
from flask import Flask, Request
from werkzeug.exceptions import BadRequest, ClientDisconnected, HTTPException, RequestEntityTooLarge

from services.gateway.bodies import read_object

JSON = b'{"a": 1}'


def read(body: bytes, *, declared: int | None, ends: bool = True) -> object:
    app = Flask("test")
    app.config["MAX_CONTENT_LENGTH"] = 20
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": "application/json",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        **({"wsgi.input_terminated": True} if ends else {}),
        **({"HTTP_TRANSFER_ENCODING": "chunked"} if declared is None else {"CONTENT_LENGTH": str(declared)}),
    }
    with app.app_context():
        return read_object(Request(environ))


def test_of_a_declared_length_no_more_is_read() -> None:
    assert read(JSON + b"GET / HTTP/1.1", declared=len(JSON), ends=False) == {"a": 1}


def test_a_body_that_comes_in_chunks_is_read_to_its_end() -> None:
    assert read(JSON, declared=None) == {"a": 1}


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize(
    ("body", "declared", "refusal"),
    [
        (JSON, len(JSON) + 1, ClientDisconnected),
        (b"", 8, ClientDisconnected),
        (b"", 0, BadRequest),
        (b" " * 21, 21, RequestEntityTooLarge),
    ],
)
def test_a_body_that_is_cut_off_empty_or_too_large_is_refused(
    body: bytes, declared: int, refusal: type[HTTPException], *, ends: bool
) -> None:
    with pytest.raises(refusal):
        read(body, declared=declared, ends=ends)


def test_a_body_in_chunks_that_is_too_large_is_refused() -> None:
    with pytest.raises(RequestEntityTooLarge):
        read(b" " * 30, declared=None)
