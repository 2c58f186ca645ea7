"""The transport for calls with an effect: ``aiohttp``, whose errors say for certain whether a call was ever sent."""

from collections.abc import Mapping

import aiohttp
from yarl import URL

from libs.common.providers.transport import Loss, NoReply, Reply


class SureTransport:
    """Calls through an aiohttp session (see :func:`libs.common.http.async_client`), which it closes with itself."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        """See :class:`~libs.common.providers.transport.Transport`."""
        return await self._send("GET", url, None, dict(headers or {}))

    async def post(self, url: str, *, json: bytes, headers: Mapping[str, str] | None = None) -> Reply:
        """See :class:`~libs.common.providers.transport.Transport`."""
        return await self._send("POST", url, json, {"Content-Type": "application/json", **(headers or {})})

    async def close(self) -> None:
        """See :class:`~libs.common.providers.transport.Transport`."""
        await self._session.close()

    async def _send(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Reply:
        try:
            address = URL(url, encoded=True)
        except ValueError:
            raise NoReply(Loss.REFUSED) from None
        try:
            async with self._session.request(
                method, address, data=body, headers=headers, allow_redirects=False
            ) as response:
                return Reply(response.status, await response.read(), response.headers.get("Retry-After"))
        except (
            aiohttp.ClientConnectorError,
            aiohttp.ConnectionTimeoutError,
            aiohttp.InvalidURL,
            aiohttp.NonHttpUrlClientError,
        ):
            raise NoReply(Loss.REFUSED) from None
        except TimeoutError:
            raise NoReply(Loss.TIMEOUT) from None
        except (aiohttp.ClientError, OSError):
            raise NoReply(Loss.BROKEN) from None
