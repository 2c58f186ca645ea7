"""The envelope of every answer, and the errors that come in it.

Read in bluebubbles-server, ``api/http/api/v1/responses``: ``{"status", "message", "data"?, "metadata"?}``, with
``"error": {"type", "message"}`` for errors. Keys whose value is not given are left out.
"""

import msgspec
from aiohttp import web

from libs.simulators.answers import encoded_answer

SERVER_ERROR = "Server Error"
DATABASE_ERROR = "Database Error"
IMESSAGE_ERROR = "iMessage Error"
VALIDATION_ERROR = "Validation Error"
AUTHENTICATION_ERROR = "Authentication Error"
GATEWAY_TIMEOUT = "Gateway Timeout"


class ErrorBody(msgspec.Struct, frozen=True):
    """What went wrong: one of the server's error types, and its words."""

    type: str
    message: str


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The body of an answer."""

    status: int
    message: str
    error: ErrorBody | msgspec.UnsetType = msgspec.UNSET
    data: object = msgspec.UNSET
    metadata: dict[str, int] | msgspec.UnsetType = msgspec.UNSET


class Refusal(Exception):
    """An answer other than 200; the handlers raise it and the server sends it.

    Args:
        status: the HTTP status, repeated in the body.
        message: the envelope's message.
        kind: the error's type.
        error: the error's message.
        data: what the envelope carries beside the error; left out when not given.
    """

    def __init__(self, status: int, message: str, kind: str, error: str, data: object = msgspec.UNSET) -> None:
        super().__init__(message)
        self.status = status
        self.envelope = Envelope(status=status, message=message, error=ErrorBody(kind, error), data=data)

    def answer(self) -> web.Response:
        """The HTTP answer."""
        return encoded_answer(self.envelope, self.status)


def success(
    data: object = msgspec.UNSET,
    *,
    message: str = "Success",
    metadata: dict[str, int] | msgspec.UnsetType = msgspec.UNSET,
) -> web.Response:
    """An answer with status 200."""
    return encoded_answer(Envelope(status=200, message=message, data=data, metadata=metadata))


def unauthorized(error: str = "Unauthorized") -> Refusal:
    """401: no password, or a wrong one."""
    return Refusal(401, "You are not authorized to access this resource", AUTHENTICATION_ERROR, error)


def bad_request(error: str) -> Refusal:
    """400: the query or the body breaks a rule."""
    return Refusal(400, "You've made a bad request! Please check your request params & body", VALIDATION_ERROR, error)


def not_found(error: str) -> Refusal:
    """404: no such message, chat or webhook."""
    return Refusal(404, "The requested resource was not found", DATABASE_ERROR, error)


def imessage_error(message: str, error: str, data: object = msgspec.UNSET) -> Refusal:
    """500: iMessage, or the way to it, refused."""
    return Refusal(500, message, IMESSAGE_ERROR, error, data)


def unhandled(error: str) -> Refusal:
    """500: what the server answers when something in it throws."""
    return Refusal(500, "An unhandled error has occurred!", SERVER_ERROR, error)
