"""What the gateway answers: JSON, and every error as a problem document (RFC 9457)."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from wsgiref.types import StartResponse, WSGIEnvironment

import msgspec
from flask import Flask, Response, g
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, NotFound

from libs.common.errors import InvalidInput, PayloadTooLarge, QueueFull, StoreUnavailable
from libs.common.logging import get_logger

log = get_logger(__name__)

_RETRY_AFTER_S = 5
_encode = msgspec.json.Encoder(enc_hook=str).encode


class FieldProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One field that cannot be used, by its path in the request, and why."""

    field: str
    problem: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A problem document.

    Args:
        status: the HTTP status.
        title: what kind of problem this is.
        detail: what happened this time, for a person.
        type: a name for programs; ``about:blank`` where the status says all.
        errors: the fields that are wrong.
        request_id: under which the log tells more.
    """

    status: int
    title: str
    detail: str
    type: str = "about:blank"
    errors: Sequence[FieldProblem] = ()
    request_id: str = ""


class _Document(Response):
    """A body that is known in full, sent with its headers as they are: Werkzeug finds nothing to correct in them.

    Args:
        body: the body.
        status: the HTTP status, one that has a body.
        media_type: the body's.
        headers: further headers; a ``Location`` as it is to be sent.
    """

    def __init__(self, body: bytes, *, status: int, media_type: str, headers: Mapping[str, str] | None) -> None:
        self._body = body
        own = [("Content-Type", media_type), ("Content-Length", str(len(body)))]
        super().__init__([body], status, Headers([*(headers or {}).items(), *own]))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response(self.status, self.headers.to_wsgi_list())
        return () if environ["REQUEST_METHOD"] == "HEAD" else (self._body,)


def json_answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """``body`` as JSON.

    Args:
        body: what msgspec can encode.
        status: the HTTP status, one that has a body.
        headers: further headers; a ``Location`` as it is to be sent.
    """
    return _Document(_encode(body), status=status, media_type="application/json", headers=headers)


def problem_answer(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """``problem`` with its status."""
    return _Document(_encode(problem), status=problem.status, media_type="application/problem+json", headers=headers)


def problem_of(error: Exception) -> Problem:
    """What a caller is told about ``error``; of an error nobody foresaw, nothing but that it is in the log."""
    match error:
        case InvalidInput():
            too_large = isinstance(error, PayloadTooLarge)
            return Problem(
                status=413 if too_large else 422,
                type=_name("payload-too-large" if too_large else "invalid-input"),
                title="The payload is too large" if too_large else "The request cannot be used",
                detail=str(error),
                errors=[FieldProblem(field=error.field, problem=error.problem)],
            )
        case QueueFull():
            return Problem(
                status=503, type=_name("queue-full"), title="The queue takes no more jobs", detail=error.reason
            )
        case StoreUnavailable():
            return Problem(
                status=503,
                type=_name(f"{error.store}-unavailable"),
                title="A part of the system is away",
                detail=f"{error.store} cannot be reached or refuses to serve; try again later",
            )
        case NotFound() if error.description == NotFound.description:
            return Problem(status=404, title=_phrase(404), detail="There is nothing at this address.")
        case HTTPException():
            status = error.code or 500
            return Problem(status=status, title=_phrase(status), detail=error.description or _phrase(status))
    return Problem(
        status=500, title=_phrase(500), detail="Something unforeseen happened.", request_id=g.get("request_id", "")
    )


def answer_errors_as_problems(app: Flask) -> None:
    """Makes every error of the app a problem document."""

    @app.errorhandler(Exception)
    def answer(error: Exception) -> Response:
        problem = problem_of(error)
        if problem.status >= 500:
            _log_failure(error, problem)
        return problem_answer(problem, _headers_of(error, problem))


def _headers_of(error: Exception, problem: Problem) -> dict[str, str]:
    headers: dict[str, str] = {}
    if isinstance(error, HTTPException):
        # Allow, WWW-Authenticate and their like; the body's own headers are ours.
        headers |= {name: value for name, value in error.get_headers() if name != "Content-Type"}
    if problem.status == 503:
        headers["Retry-After"] = str(_RETRY_AFTER_S)
    return headers


def _log_failure(error: Exception, problem: Problem) -> None:
    if problem.status == 503:
        log.warning("request.refused", error=str(error))
    else:
        log.error("request.failed", exc_info=error)


def _name(kind: str) -> str:
    return f"urn:tuco-jobs:problem:{kind}"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
