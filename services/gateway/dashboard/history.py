"""The runs over lists of leads that the ledger remembers, for people who look."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pymongo.database import Database

from libs.common.jobs.bulk_availability import BULK_AVAILABILITY
from libs.common.ledger.history import HistoricJob, HistoryQuery, MongoHistory, historic_job
from libs.common.stores.collections import JOBS
from libs.common.stores.mongo import Document, mongo_errors


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRun:
    """A run over a list of leads.

    Args:
        job: the job that it is.
        user_id: who asked for it.
        leads: over how many leads.
        counts: how many have which outcome, where it has ended.
    """

    job: HistoricJob
    user_id: str
    leads: int
    counts: Mapping[str, int] = field(default_factory=dict)


class ListHistory:
    """Reads the ledger.

    Every method raises :class:`~libs.common.errors.StoreUnavailable` where MongoDB is away.

    Args:
        database: with aware datetimes.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._jobs = database[JOBS]
        self._history = MongoHistory(database)

    def runs(self, workspace_id: str | None, *, cursor: str = "", limit: int) -> tuple[list[ListRun], str | None]:
        """Runs over lists, the latest first, and the cursor for those before them where there are more.

        Args:
            workspace_id: only this workspace's.
            cursor: of the page before; empty for the first.
            limit: the most to answer.

        Raises:
            InvalidInput: ``cursor`` is none of a history.
        """
        asked = HistoryQuery(job_type=BULK_AVAILABILITY.job_type, workspace_id=workspace_id)
        page = self._history.page(asked, cursor=cursor, limit=limit)
        lists = self._lists([job.job_id for job in page.jobs])
        return [_run(job, lists[job.job_id]) for job in page.jobs if job.job_id in lists], page.cursor

    def run(self, job_id: str) -> ListRun | None:
        """A run; ``None`` where there is none of this id."""
        with mongo_errors():
            found = self._jobs.find_one({"_id": job_id, "jobType": BULK_AVAILABILITY.job_type}, {"data": False})
        if found is None or not (lists := self._lists([job_id])):
            return None
        return _run(historic_job(found), lists[job_id])

    def lead_ids(self, job_id: str, *, start: int = 0, count: int) -> list[str]:
        """The ids of a run's leads from place ``start`` on, in the order in which they were given."""
        part = {"ids": {"$slice": ["$data.leadIds", start, count]}}
        with mongo_errors():
            found = next(self._jobs.aggregate([{"$match": {"_id": job_id}}, {"$project": part}]), None)
        return list(found["ids"]) if found else []

    def _lists(self, job_ids: Sequence[str]) -> dict[str, Document]:
        """Who asked for each run, and over how many leads, without the leads."""
        facts = {"userId": "$data.userId", "leads": {"$size": {"$ifNull": ["$data.leadIds", []]}}}
        with mongo_errors():
            found = self._jobs.aggregate([{"$match": {"_id": {"$in": list(job_ids)}}}, {"$project": facts}])
            return {document["_id"]: document for document in found}


def _run(job: HistoricJob, facts: Document) -> ListRun:
    counts = job.result if isinstance(job.result, Mapping) else {}
    return ListRun(job=job, user_id=str(facts.get("userId") or ""), leads=facts["leads"], counts=dict(_numbers(counts)))


def _numbers(counts: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for name, value in counts.items():
        if isinstance(value, int) and not isinstance(value, bool):
            yield name, value
