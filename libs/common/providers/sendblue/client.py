"""The Sendblue wire protocol: where a call goes, and what a refusal says.

From docs.sendblue.com: calls below ``{serverUrl}/api``, with the keys in the headers ``sb-api-key-id`` and
``sb-api-secret-key``. Its numbered error codes are known from a third party's client only, so the HTTP status decides
and the codes for a limit are taken as one whatever the status.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from libs.common.providers.errors import FaultReason, LineFault, read_retry_after, reason_of_loss, reason_of_status
from libs.common.providers.transport import NoReply, Reply, Transport

_LIMIT_CODES = frozenset({4001, 5003})


class Refusal(msgspec.Struct, frozen=True):
    """What Sendblue says beside an unsuccessful status."""

    error_code: int | None = None
    error_message: str | None = None


class SendblueClient:
    """One account.

    Args:
        transport: makes the calls.
        server_url: the base address, such as ``https://api.sendblue.co``, with or without ``/api``.
        api_key_id: the account's key.
        api_secret_key: its secret.
    """

    def __init__(self, transport: Transport, *, server_url: str, api_key_id: str, api_secret_key: str) -> None:
        self._transport = transport
        base = server_url.rstrip("/")
        self._base = base if base.endswith("/api") else f"{base}/api"
        self._headers = {"sb-api-key-id": api_key_id, "sb-api-secret-key": api_secret_key}

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> bytes:
        """The body of a successful answer to a GET.

        Args:
            path: below ``/api``, with its leading slash.
            params: the query, not encoded.

        Raises:
            LineFault: there was no answer, or it was no success.
        """
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in (params or {}).items())
        url = f"{self._base}{path}?{query}" if query else f"{self._base}{path}"
        try:
            reply = await self._transport.get(url, headers=self._headers)
        except NoReply as lost:
            raise LineFault(reason_of_loss(lost.loss)) from None
        if not 200 <= reply.status < 300:
            raise fault_of(reply, now=datetime.now(UTC))
        return reply.body

    async def post(self, path: str, body: object) -> Reply:
        """The answer to a POST of a JSON body, whatever its status.

        Raises:
            NoReply: there was no answer.
        """
        return await self._transport.post(f"{self._base}{path}", json=msgspec.json.encode(body), headers=self._headers)


def fault_of(reply: Reply, *, now: datetime) -> LineFault:
    """The fault that an unsuccessful answer stands for.

    Args:
        reply: an answer whose status is not a success.
        now: an aware moment, for dates in ``Retry-After``.
    """
    try:
        refusal = msgspec.json.decode(reply.body, type=Refusal)
    except msgspec.DecodeError:
        refusal = Refusal()
    reason = reason_of_status(reply.status) or FaultReason.NOT_UNDERSTOOD
    if refusal.error_code in _LIMIT_CODES:
        reason = FaultReason.RATE_LIMITED
    return LineFault(reason, retry_after=read_retry_after(reply.retry_after, now=now))
