"""What a workspace may send in all: collection ``workspaceLimits``, one document per workspace that has limits.

``_id`` is the workspace's id; ``messagesPerDay?``, ``recipientGapSeconds?``, ``timezone?``, and ``epoch``, which is
raised whenever something is sent past the budgets in Redis, so that these are made anew.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from pymongo.database import Database

from libs.common.stores.collections import WORKSPACE_LIMITS
from libs.common.stores.mongo import Document, mongo_errors


class WorkspaceLimits(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace's limits.

    Args:
        zone: gives its days their meaning.
        per_day: messages per local day; ``None`` for no limit.
        recipient_gap: the pause between two messages to one recipient.
        epoch: see above.
    """

    zone: ZoneInfo
    per_day: int | None = None
    recipient_gap: timedelta = timedelta(0)
    epoch: int = 0


class WorkspaceLimitStore:
    """Reads and raises.

    Args:
        database: with majority write concern.
        defaults: what holds where a workspace says nothing.
    """

    def __init__(self, database: Database[Document], *, defaults: WorkspaceLimits) -> None:
        self._limits = database[WORKSPACE_LIMITS]
        self._defaults = defaults

    def get(self, workspace_id: str) -> WorkspaceLimits:
        """The workspace's limits.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        with mongo_errors():
            found = self._limits.find_one({"_id": workspace_id})
        return self._read(found) if found else self._defaults

    def sent_past_redis(self, workspace_id: str) -> None:
        """Raises the epoch.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        with mongo_errors():
            self._limits.update_one({"_id": workspace_id}, {"$inc": {"epoch": 1}}, upsert=True)

    def _read(self, document: Mapping[str, Any]) -> WorkspaceLimits:
        per_day, gap = document.get("messagesPerDay"), document.get("recipientGapSeconds")
        return WorkspaceLimits(
            zone=self._zone(document.get("timezone")),
            per_day=max(0, int(per_day)) if isinstance(per_day, int | float) else self._defaults.per_day,
            recipient_gap=timedelta(seconds=gap) if isinstance(gap, int | float) else self._defaults.recipient_gap,
            epoch=int(document.get("epoch") or 0),
        )

    def _zone(self, name: object) -> ZoneInfo:
        try:
            return ZoneInfo(str(name)) if name else self._defaults.zone
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return self._defaults.zone
