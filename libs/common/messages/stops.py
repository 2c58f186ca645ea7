"""Stops: what a person has ordered not to be sent, and what that means for a message."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from libs.common.messages.reasons import Reason

HOLD_UNTIL_LOOKING_AGAIN = timedelta(minutes=10)
"""How long a message waits under a stop without an end before it looks again; lifting the stop wakes it at once."""


class StopScope(StrEnum):
    """What a stop is for."""

    WORKSPACE = "workspace"
    LINE = "line"
    CAMPAIGN = "campaign"
    RECIPIENT = "recipient"


class Stop(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An order to send nothing more.

    Args:
        scope: what it is for.
        workspace_id: in which workspace.
        target: the line's or campaign's id, or the recipient's handle; the workspace's id for a whole workspace.
        at: since when, by MongoDB's clock.
        until: until when; ``None`` until it is lifted.
        cancels: whether messages that meet it are cancelled, where else they wait.
        reason: why, for a person; ``opted_out`` where the recipient said so.
        last_left_at: when the last message left although the stop was in force already: it was under way.
    """

    scope: StopScope
    workspace_id: str
    target: str
    at: datetime
    until: datetime | None = None
    cancels: bool = False
    reason: str = ""
    last_left_at: datetime | None = None

    @property
    def last_left_after(self) -> timedelta | None:
        """How long after the stop the last message left; ``None`` where none did."""
        return self.last_left_at - self.at if self.last_left_at else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """The message waits."""

    until: datetime
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """The message is not wanted any more."""

    reason: Reason


_REASONS = {
    StopScope.WORKSPACE: Reason.STOPPED_WORKSPACE,
    StopScope.LINE: Reason.STOPPED_LINE,
    StopScope.CAMPAIGN: Reason.STOPPED_CAMPAIGN,
    StopScope.RECIPIENT: Reason.STOPPED_RECIPIENT,
}


def reason_of(stop: Stop) -> Reason:
    """The reason that a message has which meets a stop."""
    return Reason.OPTED_OUT if stop.reason == Reason.OPTED_OUT else _REASONS[stop.scope]


def decide_stops(stops: Sequence[Stop], *, opted_out: bool, now: datetime) -> Hold | Cancel | None:
    """What a message does under the stops that concern it; ``None``: it goes.

    An opt-out outranks everything, a stop that cancels outranks one that holds, and of those that hold the longest
    counts.

    Args:
        stops: the stops of its workspace, line, campaign and recipient.
        opted_out: whether the lead has opted out.
        now: the current moment.
    """
    if opted_out:
        return Cancel(reason=Reason.OPTED_OUT)
    in_force = [stop for stop in stops if stop.until is None or stop.until > now]
    if cancelling := [stop for stop in in_force if stop.cancels]:
        return Cancel(reason=min(map(reason_of, cancelling), key=lambda reason: reason is not Reason.OPTED_OUT))
    if not in_force:
        return None
    longest = max(in_force, key=lambda stop: stop.until or datetime.max.replace(tzinfo=now.tzinfo))
    return Hold(until=longest.until or now + HOLD_UNTIL_LOOKING_AGAIN, reason=reason_of(longest))
