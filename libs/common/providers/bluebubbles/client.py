"""The BlueBubbles wire protocol: where a call goes, and what an answer says.

Read in BlueBubblesApp/bluebubbles-server, ``packages/server/src/server/api/http/api/v1``: the base is
``{serverUrl}/api/v1``; the server's password goes into every query, so a URL is a secret and is never logged or put
into an error; answers are ``{"status", "message", "data"}``, refusals ``{"status", "message", "error": {"type",
"message"}}``. A proxy in front of the server (Cloudflare, ngrok) answers for it with its own statuses and HTML.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from libs.common.providers.errors import FaultReason, LineFault, read_retry_after, reason_of_loss, reason_of_status
from libs.common.providers.transport import NoReply, Reply, Transport


class ErrorBody(msgspec.Struct, frozen=True):
    """What a refusal says: ``Server Error``, ``iMessage Error``, ``Validation Error`` and so on, and its message."""

    type: str = ""
    message: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """The envelope of an answer that is not a success."""

    status: int
    message: str = ""
    error: ErrorBody = ErrorBody()


class BlueBubblesClient:
    """One server, as its password opens it.

    Args:
        transport: makes the calls.
        server_url: the server's base address, with or without a trailing slash.
        password: the server's password.
    """

    def __init__(self, transport: Transport, *, server_url: str, password: str) -> None:
        self._transport = transport
        self._base = f"{server_url.rstrip('/')}/api/v1"
        self._secret = f"password={quote(password, safe='')}"

    def address(self, path: str, params: Mapping[str, str] | None = None) -> str:
        """The URL of a call. It holds the password: never log it.

        Args:
            path: below ``/api/v1``, with its leading slash.
            params: the query, not encoded.
        """
        query = "".join(f"&{name}={quote(value, safe='')}" for name, value in (params or {}).items())
        return f"{self._base}{path}?{self._secret}{query}"

    async def get(self, url: str) -> bytes:
        """The body of a successful answer to a GET of an :meth:`address`.

        Raises:
            LineFault: there was no answer, or it was no success.
        """
        try:
            reply = await self._transport.get(url)
        except NoReply as lost:
            raise LineFault(reason_of_loss(lost.loss)) from None
        if reply.status != 200:
            raise fault_of(reply, now=datetime.now(UTC))
        return reply.body

    async def post(self, path: str, body: object) -> Reply:
        """The answer to a POST of a JSON body, whatever its status: what a refusal means depends on the call.

        Raises:
            NoReply: there was no answer.
        """
        return await self._transport.post(self.address(path), json=msgspec.json.encode(body))


def read_refusal(reply: Reply) -> Refusal | None:
    """The envelope of a refusal; ``None`` where the body is not BlueBubbles' own, such as a proxy's page."""
    try:
        return msgspec.json.decode(reply.body, type=Refusal)
    except msgspec.DecodeError:
        return None


def fault_of(reply: Reply, *, now: datetime) -> LineFault:
    """The fault that an unsuccessful answer stands for.

    Args:
        reply: an answer whose status is not 200.
        now: an aware moment, for dates in ``Retry-After``.
    """
    refusal = read_refusal(reply)
    if refusal is not None and refusal.error.type == "iMessage Error":
        return LineFault(FaultReason.IMESSAGE_ERROR)
    reason = reason_of_status(reply.status) or FaultReason.NOT_UNDERSTOOD
    if reason is FaultReason.VALIDATION and refusal is None:
        reason = FaultReason.NOT_UNDERSTOOD
    return LineFault(reason, retry_after=read_retry_after(reply.retry_after, now=now))
