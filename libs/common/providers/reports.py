"""What providers report by webhook, in one form for all of them."""

from datetime import datetime
from enum import StrEnum

import msgspec


class ReportKind(StrEnum):
    """What is reported."""

    WENT_OUT = "went_out"
    DELIVERED = "delivered"
    FAILED = "failed"
    INBOUND = "inbound"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A report.

    Args:
        kind: what is reported.
        provider_message_id: the provider's name for the message it is about.
        reference: our name for it, where the provider gives it back.
        at: when it happened, by the provider's clock.
        error: why it failed.
        sender: who wrote, for a message that came in.
        text: what they wrote.
        opted_out: whether the provider itself says that the sender wants no more messages.
    """

    kind: ReportKind
    provider_message_id: str | None = None
    reference: str | None = None
    at: datetime | None = None
    error: str = ""
    sender: str = ""
    text: str = ""
    opted_out: bool = False
