"""Availability by BlueBubbles, and how such a line says it is.

``GET /handle/availability/imessage?address=`` answers ``data: {"available": true}``. It needs the Private API;
without it the server answers 500 ``iMessage Error``, which says nothing of the handle.
"""

from urllib.parse import quote

import msgspec

from libs.common.handles import Service
from libs.common.providers.bluebubbles.client import BlueBubblesClient
from libs.common.providers.checking import AvailabilityAnswer, LineReport
from libs.common.providers.errors import FaultReason, LineFault


class _Availability(msgspec.Struct, frozen=True):
    available: bool


class _AvailabilityEnvelope(msgspec.Struct, frozen=True):
    data: _Availability


class _ServerInfo(msgspec.Struct, frozen=True):
    server_version: str | None = None
    private_api: bool = False
    helper_connected: bool = False
    detected_imessage: str | None = None


class _ServerInfoEnvelope(msgspec.Struct, frozen=True):
    data: _ServerInfo


_AVAILABILITY = msgspec.json.Decoder(_AvailabilityEnvelope)
_SERVER_INFO = msgspec.json.Decoder(_ServerInfoEnvelope)

_YES = AvailabilityAnswer(available=True, service=Service.IMESSAGE)
_NO = AvailabilityAnswer(available=False)


class BlueBubblesChecker:
    """Asks one BlueBubbles server."""

    def __init__(self, client: BlueBubblesClient) -> None:
        self._client = client
        self._question = client.address("/handle/availability/imessage") + "&address="

    async def check(self, handle: str) -> AvailabilityAnswer:
        """See :class:`~libs.common.providers.checking.AvailabilityChecker`."""
        body = await self._client.get(self._question + quote(handle, safe=""))
        try:
            return _YES if _AVAILABILITY.decode(body).data.available else _NO
        except msgspec.DecodeError:
            raise LineFault(FaultReason.NOT_UNDERSTOOD) from None

    async def report(self) -> LineReport:
        """See :class:`~libs.common.providers.checking.AvailabilityChecker`."""
        body = await self._client.get(self._client.address("/server/info"))
        try:
            info = _SERVER_INFO.decode(body).data
        except msgspec.DecodeError:
            raise LineFault(FaultReason.NOT_UNDERSTOOD) from None
        missing = [
            problem
            for present, problem in (
                (info.private_api, "the Private API is off"),
                (info.helper_connected, "the Private API's helper is not connected"),
                (info.detected_imessage, "no iMessage account is signed in"),
            )
            if not present
        ]
        return LineReport(
            version=info.server_version,
            signed_in=bool(info.detected_imessage),
            able=not missing,
            problem=", ".join(missing) or None,
        )
