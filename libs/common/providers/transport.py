"""How adapters reach a provider's server: one small contract over HTTP clients, whose errors never carry a URL.

A provider's URL may hold its password, and every HTTP client puts the URL into its exceptions. So transports turn
exceptions into :class:`NoReply` and cut the chain.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from libs.common.errors import TucoError


class Loss(StrEnum):
    """How a call was lost."""

    REFUSED = "refused"
    """No connection was made, so the server certainly did not get the call."""
    TIMEOUT = "timeout"
    """No answer in time; the server may have got the call."""
    BROKEN = "broken"
    """The connection broke, or what came is not HTTP; the server may have got the call."""


class NoReply(TucoError):
    """A call got no whole answer.

    Args:
        loss: how, and so what the server can have seen.
    """

    def __init__(self, loss: Loss) -> None:
        super().__init__(f"no reply: {loss}")
        self.loss = loss


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's whole answer.

    Args:
        status: the HTTP status.
        body: as it came, decompressed.
        retry_after: the header of that name.
    """

    status: int
    body: bytes
    retry_after: str | None = None


class Transport(Protocol):
    """Calls over HTTP. Redirects are not followed (a secret could go with them); a call has one time limit in all."""

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        """The answer to a GET of an absolute URL whose query is encoded already.

        Raises:
            NoReply: there was none. The transport may not be certain that a lost call was never sent.
        """
        ...

    async def post(self, url: str, *, json: bytes, headers: Mapping[str, str] | None = None) -> Reply:
        """The answer to a POST of a JSON body.

        Raises:
            NoReply: there was none; ``Loss.REFUSED`` only where the call was certainly never sent.
        """
        ...

    async def close(self) -> None:
        """Closes every connection; calls under way end in :class:`NoReply`."""
        ...
