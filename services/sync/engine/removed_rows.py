"""Marks what is gone: links whose row a run that read everything has not met.

The lead stays. Messages refer to it, another CRM may have it too, and a person may have typed half of it; only its link
says since when the source has it no more. A row that comes back takes the mark away.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Final

from bson import ObjectId
from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.database import Database

from libs.common.clock import Clock
from libs.common.errors import LeaseLost
from libs.common.logging import get_logger
from libs.common.stores.collections import LEADS
from libs.common.stores.ids import stored_id
from libs.common.stores.mongo import Document, mongo_errors
from libs.common.stores.seen_rows import SeenRows, SeenRowStore
from libs.common.stores.sync_runs import Counts, SyncRun, SyncRunStore
from services.sync.engine.transactions import Transactions
from services.sync.metrics import count_rows
from services.sync.rules.leads import external_key

log = get_logger(__name__)

_INDEX: Final = "one_lead_per_match_key"
_LEADS_PER_READ: Final = 5_000
_LINKS_PER_WRITE: Final = 500


class RemovedRows:
    """Finds and marks the links of one integration whose rows are gone.

    Args:
        database: where leads are.
        transactions: of the attempt.
        runs: where runs are.
        run: as the attempt took it over.
        clock: tells the time.
    """

    def __init__(
        self,
        database: Database[Document],
        transactions: Transactions,
        runs: SyncRunStore,
        run: SyncRun,
        *,
        clock: Clock,
    ) -> None:
        self._leads = database[LEADS]
        self._seen = SeenRowStore(database)
        self._transactions = transactions
        self._runs = runs
        self._run = run
        self._clock = clock

    def can_be_any(self) -> bool:
        """Whether the integration has brought any lead before; else nothing can be gone.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        with mongo_errors():
            return self._leads.find_one(self._linked(), {"_id": True}, hint=_INDEX) is not None

    def mark(self) -> int:
        """Marks them; answers how many were found. Doing it again, after a crash, finds those that are left,
        because what was met is kept until :meth:`forget`.

        A run that began so long ago that what it met first may have expired marks nothing; the next one does.

        Raises:
            LeaseLost: another attempt has taken the run over.
            StoreUnavailable: MongoDB is away.
        """
        if not self._seen.has_all(self._run.started_at, now=self._clock.now()):
            log.warning("removed_rows.not_looked_for", run_id=str(self._run.id), reason="the run began too long ago")
            return 0
        marked = 0
        waiting: list[tuple[ObjectId, str]] = []
        for link in self._gone(self._seen.of(self._run.id)):
            waiting.append(link)
            if len(waiting) == _LINKS_PER_WRITE:
                marked += self._write(waiting)
                waiting = []
        if waiting:
            marked += self._write(waiting)
        return marked

    def forget(self) -> None:
        """Forgets which rows were met, once the run has ended and nobody will ask again.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        self._seen.forget(self._run.id)

    def _gone(self, seen: SeenRows) -> Iterator[tuple[ObjectId, str]]:
        suspects = self._suspects(seen)
        wanted = {f"links.{name}": True for name in ("integrationId", "externalId", "removedAt")}
        while ids := list(islice(suspects, _LINKS_PER_WRITE)):
            with mongo_errors():
                leads = list(self._leads.find({"_id": {"$in": ids}}, wanted, hint="_id_"))
            for lead in leads:
                for link in lead.get("links", ()):
                    is_ours = str(link["integrationId"]) == self._run.integration_id
                    if is_ours and link.get("removedAt") is None and link["externalId"] not in seen:
                        yield lead["_id"], link["externalId"]

    def _suspects(self, seen: SeenRows) -> Iterator[ObjectId]:
        """The leads that go by a row which was not met. Every link has its row's key, and keys are read in four fifths
        of the time that links take; so only the links of these leads are looked at.
        """
        first = external_key(self._run.integration_id, "")
        with mongo_errors():
            for lead in self._leads.find(self._linked(), {"matchKeys": True}, hint=_INDEX, batch_size=_LEADS_PER_READ):
                if any(key.startswith(first) and key[len(first) :] not in seen for key in lead["matchKeys"]):
                    yield lead["_id"]

    def _linked(self) -> Document:
        first = external_key(self._run.integration_id, "")
        behind = first[:-1] + chr(ord(first[-1]) + 1)
        keys = {"$elemMatch": {"$gte": first, "$lt": behind}}
        return {"workspaceId": self._run.workspace_id, "matchKeys": keys}

    def _write(self, links: Sequence[tuple[ObjectId, str]]) -> int:
        marked = self._transactions.run(partial(self._write_in, links))
        count_rows(Counts(), Counts(removed=marked))
        return marked

    def _write_in(self, links: Sequence[tuple[ObjectId, str]], session: ClientSession) -> int:
        now, integration_id = self._clock.now(), stored_id(self._run.integration_id)
        updates = [
            UpdateOne(
                {"_id": lead_id},
                # Nothing else of the lead is touched, so whatever is typed into it meanwhile is neither undone nor
                # taken for the sync's.
                {"$set": {"links.$[gone].removedAt": now}},
                array_filters=[
                    {
                        "gone.integrationId": integration_id,
                        "gone.externalId": external_id,
                        "gone.removedAt": {"$exists": False},
                    }
                ],
            )
            for lead_id, external_id in links
        ]
        marked = self._leads.bulk_write(updates, ordered=False, session=session).modified_count
        if not self._runs.count_removed(self._run, marked, session=session):
            raise LeaseLost
        return marked
