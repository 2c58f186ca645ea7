"""The API's errors. Their codes and shape are [unconfirmed]: known from third parties' clients.

Codes: 4000 validation, 4001 rate limit, 4002 number on the block list, 5000 internal, 5003 server rate exceeded, 5509
rate window exceeded, 10001 failed to send, 10002 status not resolved; and names, such as ``SMS_LIMIT_REACHED``. A
message that iMessage refused has 22 (in a sample of docs.sendblue.com). Whether ``Retry-After`` comes with a 429 is not
documented, so it does not.
"""

import msgspec
from aiohttp import web

from libs.simulators.answers import encoded_answer

NOT_ON_IMESSAGE = 22
VALIDATION = 4000
RATE_LIMIT = 4001
BLOCKED_NUMBER = 4002
INTERNAL = 5000
SERVER_RATE = 5003
RATE_WINDOW = 5509
SEND_FAILED = 10001
STATUS_UNRESOLVED = 10002


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of an error."""

    status: str
    message: str
    error_message: str
    error_code: int | str | None = None


class Refusal(Exception):
    """An answer other than 200; the handlers raise it and the account sends it.

    Args:
        http_status: the HTTP status.
        message: what is wrong.
        code: the API's code for it, where it has one.
    """

    def __init__(self, http_status: int, message: str, code: int | str | None = None) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.body = ErrorBody(status="ERROR", message=message, error_message=message, error_code=code)

    def answer(self) -> web.Response:
        """The HTTP answer."""
        return encoded_answer(self.body, self.http_status)


def invalid(message: str) -> Refusal:
    """400: the call breaks a rule."""
    return Refusal(400, message, VALIDATION)


def unauthorized() -> Refusal:
    """401: a key is missing or wrong."""
    return Refusal(401, "Unauthorized")


def not_found() -> Refusal:
    """404: no such message."""
    return Refusal(404, "Message not found")


def internal() -> Refusal:
    """500: something in the service threw; whether the message goes out is not said."""
    return Refusal(500, "Internal server error", INTERNAL)


def too_many(code: int | str = RATE_LIMIT, message: str = "Too Many Requests") -> Refusal:
    """429: a limit is met."""
    return Refusal(429, message, code)
