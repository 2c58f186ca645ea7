"""Availability by Sendblue, and how such an account says it is.

``GET /api/evaluate-service?number=`` answers ``{"number", "service": "iMessage" | "SMS"}`` (known from a third
party's client, not from the documentation). It takes telephone numbers only.
"""

import msgspec

from libs.common.handles import Service
from libs.common.providers.checking import AvailabilityAnswer, LineReport
from libs.common.providers.errors import FaultReason, LineFault
from libs.common.providers.sendblue.client import SendblueClient


class _Evaluation(msgspec.Struct, frozen=True):
    service: str


_EVALUATION = msgspec.json.Decoder(_Evaluation)


class SendblueChecker:
    """Asks one Sendblue account."""

    def __init__(self, client: SendblueClient) -> None:
        self._client = client

    async def check(self, handle: str) -> AvailabilityAnswer:
        """See :class:`~libs.common.providers.checking.AvailabilityChecker`.

        An e-mail address cannot be asked about.
        """
        if "@" in handle:
            raise LineFault(FaultReason.UNSUPPORTED)
        body = await self._client.get("/evaluate-service", {"number": handle})
        try:
            service = Service(_EVALUATION.decode(body).service)
        except (msgspec.DecodeError, ValueError):
            raise LineFault(FaultReason.NOT_UNDERSTOOD) from None
        return AvailabilityAnswer(available=service is Service.IMESSAGE, service=service)

    async def report(self) -> LineReport:
        """See :class:`~libs.common.providers.checking.AvailabilityChecker`.

        The account is able when the usage of its lines (``GET /api/v2/lines/usage``) can be read: Sendblue hosts the
        phones and says nothing else of them.
        """
        await self._client.get("/v2/lines/usage")
        return LineReport()
