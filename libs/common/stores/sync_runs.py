"""The runs of syncs: collections ``syncRuns`` and ``syncErrors``.

A run belongs to one job and is worked on by one attempt of it at a time, its ``owner``. Whoever takes a run over
changes the owner, and from then on whatever the former owner still tries to write is refused: a worker that was
thought dead can do no harm.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, cast

import msgspec
from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.database import Database

from libs.common.jobs.integration_sync import SyncMode
from libs.common.stores.collections import SYNC_ERRORS, SYNC_RUNS, SYNC_SEEN
from libs.common.stores.ids import either_form, stored_id
from libs.common.stores.mongo import Document, mongo_errors

MOST_PROBLEMS: Final = 10_000
"""So many problems of a run are kept; further ones are only counted."""

MOST_SAMPLES: Final = 20
"""So many samples of a dry run are kept."""


class RunStatus(StrEnum):
    """Where a run is."""

    RUNNING = "running"
    """It is being worked on, or waits to be: for a rate limit, a retry, a worker."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUSPICIOUS = "suspicious"
    """Too many rows failed; what was read so far looks as if the field map were wrong."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Rows by what became of them. Their sum is ``fetched``.

    Args:
        fetched: rows that the source gave.
        created: rows that made a lead.
        updated: rows that changed one.
        unchanged: rows that brought nothing new.
        skipped: rows that are not meant to come: deleted at the source and never a lead here, or repeated.
        failed: rows that could not become a lead; ``syncErrors`` says why.
        removed: leads whose row is gone from the source; the source did not give them, so they are not in the sum.
    """

    fetched: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0
    removed: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            fetched=self.fetched + other.fetched,
            created=self.created + other.created,
            updated=self.updated + other.updated,
            unchanged=self.unchanged + other.unchanged,
            skipped=self.skipped + other.skipped,
            failed=self.failed + other.failed,
            removed=self.removed + other.removed,
        )


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """How far a run has come.

    Args:
        position: where the source goes on, in its own words; ``None`` before the first page and after the last.
        pages: pages written.
        problems: problems found, those beyond :data:`MOST_PROBLEMS` included.
        done: whether the last page has been written.
    """

    position: Mapping[str, Any] | None = None
    pages: int = 0
    problems: int = 0
    done: bool = False


class SyncRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run.

    Args:
        id: the document's id.
        integration_id: what is synced.
        workspace_id: whose leads.
        job_id: the job that does it.
        mode: what it reads, and whether it writes.
        status: where it is.
        owner: the attempt that works on it.
        counts: rows so far.
        checkpoint: how far it has come.
        total: rows to expect in all, where the source could say.
        since: for an incremental run, from when it reads; ``None`` where it reads everything.
        finds_removed: whether it marks leads whose row it has not met, because it reads every row.
        started_at: when it began.
        finished_at: when it ended.
        error: why it failed or stopped.
        samples: of a dry run: what it would do to some rows.
        session: the MongoDB session of an attempt that has not ended in order.
    """

    id: ObjectId
    integration_id: str
    workspace_id: str
    job_id: str
    mode: SyncMode
    status: RunStatus
    owner: str
    counts: Counts = Counts()
    checkpoint: Checkpoint = Checkpoint()
    total: int | None = None
    since: datetime | None = None
    finds_removed: bool = False
    started_at: datetime
    finished_at: datetime | None = None
    error: str = ""
    samples: Sequence[Mapping[str, Any]] = ()
    session: Document | None = None


class StoredProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a row, or one field of it, was not taken.

    Args:
        row: where a person finds the row: its id in the CRM, or its number in the sheet.
        field: the lead's field.
        value: the refused text, shortened.
        reason: what is wrong, in one word.
        fatal: whether the whole row was left out; otherwise only this field was.
    """

    row: str
    field: str
    value: str
    reason: str
    fatal: bool


class SyncRunStore:
    """The stored runs and their problems.

    Args:
        database: with majority write concern.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._runs = database[SYNC_RUNS]
        self._problems = database[SYNC_ERRORS]
        self._seen = database[SYNC_SEEN]

    def take_over(
        self, *, job_id: str, owner: str, integration_id: str, workspace_id: str, mode: SyncMode, at: datetime
    ) -> SyncRun:
        """The run of a job, made where there is none, with a new owner.

        A run that failed or was cancelled goes on at its checkpoint, because a person wanted its job to run again; one
        that was suspicious begins anew. A completed run stays completed.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        fresh = {
            "integrationId": stored_id(integration_id),
            "workspaceId": workspace_id,
            "mode": str(mode),
            "status": str(RunStatus.RUNNING),
            "counts": msgspec.to_builtins(Counts()),
            "checkpoint": msgspec.to_builtins(Checkpoint()),
            "startedAt": at,
        }
        with mongo_errors():
            document = self._runs.find_one_and_update(
                {"jobId": job_id},
                {"$set": {"owner": owner}, "$setOnInsert": fresh},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
            # An upsert that answers the document as it is afterwards always has one.
            run = run_of(cast(Document, document))
            if run.status not in (RunStatus.RUNNING, RunStatus.COMPLETED):
                again = fresh if run.status is RunStatus.SUSPICIOUS else {"status": str(RunStatus.RUNNING)}
                document = self._runs.find_one_and_update(
                    {"_id": run.id, "owner": owner},
                    {"$set": again, "$unset": {"finishedAt": "", "error": ""}},
                    return_document=ReturnDocument.AFTER,
                )
                run = run_of(document) if document else run
                if again is fresh:
                    self._problems.delete_many({"runId": run.id})
                    self._seen.delete_many({"runId": run.id})
            self._runs.update_many(
                {
                    "integrationId": {"$in": either_form(integration_id)},
                    "status": str(RunStatus.RUNNING),
                    "_id": {"$ne": run.id},
                },
                {"$set": {"status": str(RunStatus.FAILED), "error": f"replaced by run {run.id}", "finishedAt": at}},
            )
        return run

    def set_plan(self, run: SyncRun, *, total: int | None, since: datetime | None, finds_removed: bool) -> bool:
        """Notes how many rows to expect, from when they are read, and whether it will be told which are gone; false
        where the run has another owner.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        with mongo_errors():
            found = self._runs.update_one(
                {"_id": run.id, "owner": run.owner},
                {"$set": {"total": total, "since": since, "findsRemoved": finds_removed}},
            )
        return found.matched_count > 0

    def is_mine(self, run: SyncRun) -> bool:
        """Whether the run still belongs to the attempt that took it over.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        with mongo_errors():
            return self._runs.find_one({"_id": run.id, "owner": run.owner}, {"_id": 1}) is not None

    def set_session(self, run: SyncRun, session: Document | None) -> bool:
        """Notes the MongoDB session in which this attempt writes, ``None`` once it has ended in order; false where the
        run has another owner.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        change = {"$set": {"session": session}} if session else {"$unset": {"session": ""}}
        with mongo_errors():
            return self._runs.update_one({"_id": run.id, "owner": run.owner}, change).matched_count > 0

    def advance(
        self,
        run: SyncRun,
        *,
        counts: Counts,
        checkpoint: Checkpoint,
        problems: Sequence[StoredProblem] = (),
        samples: Sequence[Mapping[str, Any]] = (),
        at: datetime,
        session: ClientSession | None = None,
    ) -> bool:
        """Moves the checkpoint and stores the page's problems; false where the run has another owner.

        Args:
            run: as it was taken over.
            counts: of the run so far, the page included.
            checkpoint: behind the page.
            problems: of the page.
            samples: of a dry run's page.
            at: now.
            session: the transaction that also writes the page's leads.

        Raises:
            PyMongoError: as MongoDB's driver raises it, for the transaction to see.
        """
        change: Document = {
            "$set": {
                "counts": msgspec.to_builtins(counts),
                "checkpoint": msgspec.to_builtins(checkpoint),
                "updatedAt": at,
            }
        }
        if samples:
            change["$push"] = {"samples": {"$each": list(samples), "$slice": MOST_SAMPLES}}
        mine = {"_id": run.id, "owner": run.owner, "status": str(RunStatus.RUNNING)}
        if not self._runs.update_one(mine, change, session=session).matched_count:
            return False
        kept = problems[: max(0, MOST_PROBLEMS - (checkpoint.problems - len(problems)))]
        if kept:
            self._problems.insert_many([_problem(run, problem, at) for problem in kept], session=session)
        return True

    def count_removed(self, run: SyncRun, number: int, *, session: ClientSession) -> bool:
        """Adds leads whose row is gone; false where the run has another owner.

        Args:
            run: as it was taken over.
            number: how many were marked.
            session: the transaction that marks them.

        Raises:
            PyMongoError: as MongoDB's driver raises it, for the transaction to see.
        """
        mine = {"_id": run.id, "owner": run.owner, "status": str(RunStatus.RUNNING)}
        counted = {"$inc": {"counts.removed": number}}
        return self._runs.update_one(mine, counted, session=session).matched_count > 0

    def restart(self, run: SyncRun, *, at: datetime) -> SyncRun | None:
        """Puts a run back to its beginning, with nothing counted; ``None`` where it has another owner.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        begun = msgspec.structs.replace(run, counts=Counts(), checkpoint=Checkpoint(), samples=(), started_at=at)
        begin = {
            "counts": msgspec.to_builtins(begun.counts),
            "checkpoint": msgspec.to_builtins(begun.checkpoint),
            "startedAt": at,
        }
        mine = {"_id": run.id, "owner": run.owner}
        with mongo_errors():
            if not self._runs.update_one(mine, {"$set": begin, "$unset": {"samples": ""}}).matched_count:
                return None
            self._problems.delete_many({"runId": run.id})
            self._seen.delete_many({"runId": run.id})
        return begun

    def finish(self, run: SyncRun, status: RunStatus, *, error: str = "", at: datetime) -> bool:
        """Ends a run; false where it has another owner.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        change = {"status": str(status), "finishedAt": at, **({"error": error} if error else {})}
        with mongo_errors():
            return self._runs.update_one({"_id": run.id, "owner": run.owner}, {"$set": change}).matched_count > 0

    def of_job(self, job_id: str) -> SyncRun | None:
        """The run of a job.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        with mongo_errors():
            document = self._runs.find_one({"jobId": job_id})
        return run_of(document) if document else None

    def problems_of(self, run_id: ObjectId, *, limit: int = 100, after: ObjectId | None = None) -> list[Document]:
        """The problems of a run in the order in which they were found, as they are stored.

        Args:
            run_id: the run.
            limit: the most that are answered.
            after: the ``_id`` of the last one seen.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        chosen = {"runId": run_id, **({"_id": {"$gt": after}} if after else {})}
        with mongo_errors():
            return list(self._problems.find(chosen).sort("_id", 1).limit(limit))


def _problem(run: SyncRun, problem: StoredProblem, at: datetime) -> Document:
    return {
        "runId": run.id,
        "integrationId": stored_id(run.integration_id),
        "workspaceId": run.workspace_id,
        **msgspec.to_builtins(problem),
        "at": at,
    }


def run_of(document: Document) -> SyncRun:
    """The run that a document holds."""
    return SyncRun(
        id=document["_id"],
        integration_id=str(document["integrationId"]),
        workspace_id=document["workspaceId"],
        job_id=document["jobId"],
        mode=SyncMode(document["mode"]),
        status=RunStatus(document["status"]),
        owner=document.get("owner", ""),
        counts=msgspec.convert(document.get("counts") or {}, Counts),
        checkpoint=msgspec.convert(document.get("checkpoint") or {}, Checkpoint),
        total=document.get("total"),
        since=document.get("since"),
        finds_removed=document.get("findsRemoved", False),
        started_at=document["startedAt"],
        finished_at=document.get("finishedAt"),
        error=document.get("error", ""),
        samples=tuple(document.get("samples") or ()),
        session=document.get("session"),
    )
