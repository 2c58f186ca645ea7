"""The contract of availability: what every provider's adapter must be able to say of a handle and of itself."""

from typing import Protocol

import msgspec

from libs.common.handles import Service


class AvailabilityAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider knows of a handle.

    Args:
        available: whether it can be reached by iMessage.
        service: what it is reached by; ``None`` where the provider does not say.
    """

    available: bool
    service: Service | None = None


class LineReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a line that answers says it is.

    Args:
        version: of the provider's software, where it says.
        signed_in: whether an iMessage account is signed in; ``None`` where the provider does not say.
        able: whether it can check and send by iMessage now.
        problem: what is missing, in a few words, where it is not able.
    """

    version: str | None = None
    signed_in: bool | None = None
    able: bool = True
    problem: str | None = None


class AvailabilityChecker(Protocol):
    """Asks one line. Safe for many questions at once inside one event loop; holds no limits of its own."""

    async def check(self, handle: str) -> AvailabilityAnswer:
        """Whether ``handle`` (E.164 or a lower-case address) can be reached by iMessage. One call to the provider.

        Raises:
            LineFault: the line did not answer; nothing is known of the handle.
        """
        ...

    async def report(self) -> LineReport:
        """How the line is. One call to the provider.

        Raises:
            LineFault: it did not answer.
        """
        ...
