"""Workspaces, lines and wishes."""

from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bson import ObjectId

from libs.common.budgets.contract import LineBudget, Wish, WorkspaceBudget
from libs.common.budgets.limits import LineLimits
from libs.common.budgets.quiet_hours import QuietHours

UTC_ZONE = ZoneInfo("UTC")
LINE = "5f0000000000000000000001"
OTHER_LINE = "5f0000000000000000000002"
NIGHT = QuietHours(start=time(21), end=time(9))


def line(
    line_id: str = LINE, *, quiet: QuietHours | None = None, zone: ZoneInfo = UTC_ZONE, **limits: int
) -> LineBudget:
    return LineBudget(line_id=line_id, zone=zone, quiet=quiet, limits=LineLimits(**limits))


def workspace(*lines: LineBudget, gap_s: float = 0, **fields: Any) -> WorkspaceBudget:
    return WorkspaceBudget(
        workspace_id=fields.pop("workspace_id", "w1"),
        zone=UTC_ZONE,
        lines=lines or (line(),),
        recipient_gap=timedelta(seconds=gap_s),
        **fields,
    )


def wish(recipient: str = "+12125550100", *, message: str | None = None, new: bool = False, on: str = LINE) -> Wish:
    return Wish(message_id=message or str(ObjectId()), line_id=on, recipient=recipient, starts_conversation=new)
