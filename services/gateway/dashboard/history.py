"""What the ledger remembers, for people who look: the last jobs of a workspace, and the runs over lists of leads."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from pymongo import DESCENDING
from pymongo.database import Database

from libs.common.jobs.bulk_availability import BULK_AVAILABILITY
from libs.common.stores.collections import JOBS
from libs.common.stores.mongo import Document, mongo_errors

_FACTS: Final = {"jobType": 1, "queue": 1, "status": 1, "workspaceId": 1, "createdAt": 1, "finishedAt": 1, "error": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class PastJob:
    """A job that came from outside, without its payload.

    Args:
        job_id: its identity.
        job_type: what it is.
        queue: what carries it.
        status: ``accepted`` until it has ended.
        workspace_id: whose it is.
        created_at: when it was asked for.
        finished_at: when it ended.
        error: why it failed.
    """

    job_id: str
    job_type: str
    queue: str
    status: str
    workspace_id: str
    created_at: datetime
    finished_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRun:
    """A run over a list of leads.

    Args:
        job: the job that it is.
        user_id: who asked for it.
        leads: over how many leads.
        counts: how many have which outcome, where it has ended.
    """

    job: PastJob
    user_id: str
    leads: int
    counts: Mapping[str, int] = field(default_factory=dict)


class JobHistory:
    """Reads the ledger.

    Every method raises :class:`~libs.common.errors.StoreUnavailable` where MongoDB is away.

    Args:
        database: with aware datetimes.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._jobs = database[JOBS]

    def latest(self, workspace_id: str, *, limit: int) -> list[PastJob]:
        """The last jobs that were asked for in a workspace, by the index ``by_workspace``."""
        with mongo_errors():
            found = self._jobs.find({"workspaceId": workspace_id}, _FACTS).sort("createdAt", DESCENDING).limit(limit)
            return [_past(document) for document in found]

    def runs(self, workspace_id: str | None, *, before: datetime | None = None, limit: int) -> list[ListRun]:
        """Runs over lists, the latest first, by the indexes ``list_runs`` and ``list_runs_of_workspace``.

        Args:
            workspace_id: only this workspace's.
            before: only those that were asked for earlier.
            limit: the most to answer.
        """
        wanted: Document = {"jobType": BULK_AVAILABILITY.job_type}
        if workspace_id is not None:
            wanted["workspaceId"] = workspace_id
        if before is not None:
            wanted["createdAt"] = {"$lt": before}
        return self._runs([{"$match": wanted}, {"$sort": {"createdAt": DESCENDING}}, {"$limit": limit}])

    def run(self, job_id: str) -> ListRun | None:
        """A run; ``None`` where there is none of this id."""
        found = self._runs([{"$match": {"_id": job_id, "jobType": BULK_AVAILABILITY.job_type}}])
        return found[0] if found else None

    def lead_ids(self, job_id: str, *, start: int = 0, count: int) -> list[str]:
        """The ids of a run's leads from place ``start`` on, in the order in which they were given."""
        part = {"ids": {"$slice": ["$data.leadIds", start, count]}}
        with mongo_errors():
            found = next(self._jobs.aggregate([{"$match": {"_id": job_id}}, {"$project": part}]), None)
        return list(found["ids"]) if found else []

    def _runs(self, chosen: Sequence[Document]) -> list[ListRun]:
        leads = {"$size": {"$ifNull": ["$data.leadIds", []]}}
        facts = {**_FACTS, "result": 1, "userId": "$data.userId", "leads": leads}
        with mongo_errors():
            return [_run(document) for document in self._jobs.aggregate([*chosen, {"$project": facts}])]


def _run(document: Document) -> ListRun:
    result = document.get("result")
    counts = result if isinstance(result, Mapping) else {}
    return ListRun(
        job=_past(document),
        user_id=str(document.get("userId") or ""),
        leads=document["leads"],
        counts=dict(_numbers(counts)),
    )


def _numbers(counts: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for name, value in counts.items():
        if isinstance(value, int) and not isinstance(value, bool):
            yield name, value


def _past(document: Document) -> PastJob:
    return PastJob(
        job_id=document["_id"],
        job_type=document["jobType"],
        queue=document["queue"],
        status=document["status"],
        workspace_id=document.get("workspaceId") or "",
        created_at=document["createdAt"],
        finished_at=document.get("finishedAt"),
        error=document.get("error"),
    )
