"""Match keys for what people write: the app knows nothing of them, and what it writes must be found all the same.

Before a page is matched, the leads that anything but a sync has written since the last look are given the keys of the
handles that they have now. See docs/decisions/lead-identity.md.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Final

from bson import ObjectId
from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.database import Database

from libs.common.clock import Clock
from libs.common.logging import get_logger
from libs.common.stores.collections import LEADS
from libs.common.stores.mongo import Document, mongo_errors
from services.sync.engine.lead_documents import PROJECTION, key_update, lead_of
from services.sync.engine.transactions import Transactions
from services.sync.rules.leads import assigned_keys, lent_keys, own_keys

log = get_logger(__name__)

OVERLAP: Final = timedelta(seconds=2)
"""How far a look reaches back before the last one, because writers' clocks differ and writes take time to arrive."""

_BATCH: Final = 500


class MatchKeys:
    """Keeps the match keys of one workspace's leads.

    Args:
        database: where leads are.
        transactions: of the attempt.
        workspace_id: whose.
        region: ISO 3166-1 alpha-2; where their phone numbers are read.
        since: until when leads have been looked at; ``None`` where they never have been.
        clock: tells the time.
        interval: how long a look holds.
    """

    def __init__(
        self,
        database: Database[Document],
        transactions: Transactions,
        workspace_id: str,
        *,
        region: str,
        since: datetime | None,
        clock: Clock,
        interval: timedelta,
    ) -> None:
        self._transactions = transactions
        self._leads = database[LEADS]
        self._workspace_id = workspace_id
        self._region = region
        self._since = since
        self._looked_at: datetime | None = None
        self._clock = clock
        self._interval = interval

    def look(self) -> datetime:
        """Gives keys to what people have written since the last look, if that was long enough ago; answers until when
        all is looked at.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        now = self._clock.now()
        if self._looked_at is not None and now - self._looked_at < self._interval:
            return self._looked_at
        changed = 0
        for ids in self._written_by_people():
            changed += self._transactions.run(partial(self._assign, ids))
        if changed:
            log.info("match_keys.assigned", leads=changed)
        self._since = self._looked_at = now
        return now

    def _written_by_people(self) -> Iterator[Sequence[ObjectId]]:
        wanted: Document = {
            "workspaceId": self._workspace_id,
            "$or": [{"syncedAt": None}, {"$expr": {"$ne": ["$updatedAt", "$syncedAt"]}}],
        }
        order, index = "_id", "by_workspace"
        if self._since is not None:
            wanted["updatedAt"] = {"$gte": self._since - OVERLAP}
            order, index = "updatedAt", "by_change"
        with mongo_errors():
            found = self._leads.find(wanted, {"_id": 1}, hint=index).sort(order, 1)
            ids = (document["_id"] for document in found)
            while batch := list(islice(ids, _BATCH)):
                yield batch

    def _assign(self, ids: Sequence[ObjectId], session: ClientSession) -> int:
        found = {each["_id"]: lead_of(each) for each in self._find({"_id": {"$in": list(ids)}}, session)}
        leads = [found[lead_id] for lead_id in ids if lead_id in found]
        wanted = {
            key for lead in leads for key in (own_keys(lead, region=self._region) | lent_keys(lead.links)) - lead.keys
        }
        holders = self._find({"workspaceId": self._workspace_id, "matchKeys": {"$in": sorted(wanted)}}, session)
        known = {lead.id: lead for lead in (*leads, *map(lead_of, holders))}
        assigned = assigned_keys(leads, list(known.values()), region=self._region)
        # First what is given up, so that no key is held twice in between.
        writes = [
            UpdateOne({"_id": lead_id}, key_update(known[lead_id].keys & now.keys, now.shared_keys))
            for lead_id, now in assigned.items()
            if known[lead_id].keys - now.keys
        ]
        writes += [
            UpdateOne({"_id": lead_id}, key_update(now.keys, now.shared_keys)) for lead_id, now in assigned.items()
        ]
        if writes:
            self._leads.bulk_write(writes, session=session)
        return len(assigned)

    def _find(self, wanted: Document, session: ClientSession) -> list[Document]:
        hint = "_id_" if "_id" in wanted else "one_lead_per_match_key"
        return list(self._leads.find(wanted, dict(PROJECTION), session=session, hint=hint))
