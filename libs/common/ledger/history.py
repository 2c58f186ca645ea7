"""The ledger as people search it: accepted jobs, the latest first, page by page. Each page costs the same.

A page looks at 5,000 entries at most, along an index; one that few of them fit may be short and still have a cursor.
"""

import re
from datetime import datetime
from typing import Any, Final

import msgspec
from pymongo import DESCENDING
from pymongo.database import Database

from libs.common.broker.cursors import decode_cursor, encode_cursor
from libs.common.broker.model import JobOptions
from libs.common.clock import from_ms, to_ms
from libs.common.jobs.bulk_availability import BULK_AVAILABILITY
from libs.common.jobs.registry import contracts
from libs.common.jobs.states import LedgerStatus
from libs.common.stores.collections import FAILED_JOBS, JOBS, JOBS_BY_TYPE, JOBS_BY_WORKSPACE, LISTS_OF_WORKSPACE
from libs.common.stores.mongo import Document, mongo_errors

LOOKED_AT: Final = 5_000

_PLACE: Final = "history"
_NEWEST_FIRST: Final = {"createdAt": DESCENDING, "_id": DESCENDING}


class HistoryQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs; each field that is set leaves out what does not fit it.

    Args:
        status: that ended so, or are unfinished (``accepted``).
        queue: of this queue.
        job_type: of this type.
        workspace_id: of this workspace.
        error: whose error holds this text, in whatever case.
        created_after: accepted after this moment.
        created_before: accepted before it.
    """

    status: LedgerStatus | None = None
    queue: str | None = None
    job_type: str | None = None
    workspace_id: str | None = None
    error: str = ""
    created_after: datetime | None = None
    created_before: datetime | None = None


class HistoricJob(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A job as the ledger remembers it.

    Args:
        job_id: its identity.
        job_type: what it is.
        queue: what carries it.
        status: ``accepted`` while it is unfinished, or how it ended.
        workspace_id: whose job it is; empty where it belongs to none.
        created_at: when it was accepted.
        finished_at: when it ended.
        options: what was chosen for it.
        result: what it answered.
        error: why it failed.
    """

    job_id: str
    job_type: str
    queue: str
    status: LedgerStatus
    workspace_id: str = ""
    created_at: datetime
    finished_at: datetime | None = None
    options: JobOptions = JobOptions()
    result: Any = None
    error: str | None = None


class HistoryPage(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs, the latest first.

    Args:
        jobs: the jobs; fewer than were asked for, or none, where few fit.
        cursor: asks for the next page; ``None`` where nothing is left.
    """

    jobs: tuple[HistoricJob, ...]
    cursor: str | None


class MongoHistory:
    """The history in MongoDB, collection ``jobs``.

    Args:
        database: with aware datetimes.
        looked_at: how many entries a page looks at.
    """

    def __init__(self, database: Database[Document], *, looked_at: int = LOOKED_AT) -> None:
        self._jobs = database[JOBS]
        self._looked_at = looked_at

    def page(self, asked: HistoryQuery, *, cursor: str, limit: int) -> HistoryPage:
        """A page of jobs.

        Args:
            asked: which jobs.
            cursor: of the page before; empty for the first.
            limit: the most to answer.

        Raises:
            InvalidInput: ``cursor`` is none of a history.
            StoreUnavailable: MongoDB is away.
        """
        along, index = _along(asked)
        if cursor:
            along = {"$and": [along, _behind(cursor)]}
        steps: list[Document] = [
            {"$match": along},
            {"$sort": _NEWEST_FIRST},
            {"$limit": self._looked_at},
            {"$match": _further(asked)},
            {"$limit": limit + 1},
            {"$project": {"data": False}},
        ]
        with mongo_errors():
            found = list(self._jobs.aggregate(steps, hint=index))
            last = found[limit - 1] if len(found) > limit else self._last_looked_at(along, index)
        jobs = tuple(historic_job(document) for document in found[:limit])
        return HistoryPage(jobs=jobs, cursor=_cursor(last) if last else None)

    def _last_looked_at(self, along: Document, index: str) -> Document | None:
        """Where a page ends that found less than was asked for; ``None`` where it has looked at everything."""
        keys = self._jobs.find(along, {"createdAt": True}, hint=index).sort(list(_NEWEST_FIRST.items()))
        return next(iter(keys.skip(self._looked_at - 1).limit(1)), None)


def historic_job(document: Document) -> HistoricJob:
    """A job from its document, of which it takes all but the payload."""
    return msgspec.convert({**document, "jobId": document["_id"]}, HistoricJob)


def _along(asked: HistoryQuery) -> tuple[Document, str]:
    """What an index finds by itself, and that index."""
    created = {name: moment for name, moment in (("$gt", asked.created_after), ("$lt", asked.created_before)) if moment}
    within: Document = {"createdAt": created} if created else {}
    if asked.workspace_id is not None and asked.job_type == BULK_AVAILABILITY.job_type:
        return {"workspaceId": asked.workspace_id, "jobType": asked.job_type, **within}, LISTS_OF_WORKSPACE
    if asked.workspace_id is not None:
        return {"workspaceId": asked.workspace_id, **within}, JOBS_BY_WORKSPACE
    if asked.status is LedgerStatus.FAILED:
        return {"status": asked.status.value, **within}, FAILED_JOBS
    return {"jobType": {"$in": _types(asked)}, **within}, JOBS_BY_TYPE


def _further(asked: HistoryQuery) -> Document:
    """What is left to be asked of what the index finds."""
    wanted: Document = {}
    if asked.status is not None:
        wanted["status"] = asked.status.value
    if asked.job_type is not None or asked.queue is not None:
        wanted["jobType"] = {"$in": _types(asked)}
    if asked.error:
        wanted["error"] = {"$regex": re.escape(asked.error), "$options": "i"}
    return wanted


def _types(asked: HistoryQuery) -> list[str]:
    """The job types that are meant: each belongs to one queue, so that no index of queues is needed."""
    return [
        contract.job_type
        for contract in contracts().values()
        if asked.queue in (None, contract.queue) and asked.job_type in (None, contract.job_type)
    ]


def _cursor(last: Document) -> str:
    return encode_cursor([_PLACE.encode(), str(to_ms(last["createdAt"])).encode(), last["_id"].encode()])


def _behind(cursor: str) -> Document:
    _, created_ms, job_id = decode_cursor(cursor, place=_PLACE)
    created_at = from_ms(float(created_ms))
    return {
        "createdAt": {"$lte": created_at},
        "$or": [{"createdAt": {"$lt": created_at}}, {"_id": {"$lt": job_id}}],
    }
