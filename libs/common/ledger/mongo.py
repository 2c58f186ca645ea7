"""The ledger in MongoDB, collection ``jobs``: majority writes, each of which may be repeated.

``open: true`` is in a document exactly while its job is unfinished. The reconciler's index and the unique key's are
partial on it, so they stay as small as the unfinished work, however long the history grows.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from pymongo import ASCENDING, UpdateOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError, DocumentTooLarge, DuplicateKeyError, OperationFailure

from libs.common.errors import PayloadTooLarge, StoreUnavailable
from libs.common.jobs.states import LedgerStatus
from libs.common.ledger.model import Accepted, Ending, LedgerEntry, NewEntry, OpenJob, Reopening
from libs.common.stores.collections import JOBS
from libs.common.stores.mongo import Document, mongo_errors

_WITHOUT_DATA: Final = {"data": False}
_ACCEPTED: Final = str(LedgerStatus.ACCEPTED)
_DUPLICATE_KEY: Final = 11000
_DOCUMENT_TOO_LARGE: Final = 10334
_MEETING_DEADLINE: Final = timedelta(seconds=5)
_MEETING_PAUSE_S: Final = 0.01


class MongoLedger:
    """The ledger on MongoDB.

    Args:
        database: with majority write and read concern, and aware datetimes.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._jobs = database[JOBS]

    def accept(self, entry: NewEntry) -> Accepted:
        """Stores a job for good before answering; see :meth:`libs.common.ledger.contract.Ledger.accept`."""
        return self.accept_many([entry])[0]

    def accept_many(self, entries: Sequence[NewEntry]) -> list[Accepted]:
        """Stores many jobs in one call; one answer per entry, in their order."""
        if not entries:
            return []
        answers: dict[int, Accepted] = {}
        left = dict(enumerate(entries))
        give_up_at = time.monotonic() + _MEETING_DEADLINE.total_seconds()
        while True:
            with mongo_errors():
                refused = self._insert(list(left.values()))
                for place, (index, entry) in enumerate(left.items()):
                    if place not in refused:
                        answers[index] = Accepted(entry=_as_stored(entry), created=True)
                left = {index: entry for index, entry in left.items() if index not in answers}
                answers |= self._meet(left)
            left = {index: entry for index, entry in left.items() if index not in answers}
            if not left:
                return [answers[index] for index in range(len(entries))]
            # What refused the insert has just ended, or a majority has not confirmed it yet.
            if time.monotonic() > give_up_at:
                raise StoreUnavailable("mongodb", "an entry of the same key stays unconfirmed")
            time.sleep(_MEETING_PAUSE_S)

    def finish(self, ending: Ending) -> bool:
        """Records how a job ended, once; answers whether this call ended it."""
        return self.finish_many([ending]) == 1

    def finish_many(self, endings: Sequence[Ending]) -> int:
        """Records many endings in one call; answers how many jobs it ended."""
        if not endings:
            return 0
        with mongo_errors():
            return self._jobs.bulk_write([_ending_update(ending) for ending in endings], ordered=False).modified_count

    def reopen(self, job_id: str) -> Reopening:
        """Owes a failed job again; see :meth:`libs.common.ledger.contract.Ledger.reopen`."""
        return self.reopen_many([job_id])[job_id]

    def reopen_many(self, job_ids: Sequence[str]) -> dict[str, Reopening]:
        """Owes many failed jobs again; one answer per job."""
        if not job_ids:
            return {}
        held: set[str] = set()
        with mongo_errors():
            try:
                self._jobs.bulk_write([_reopening_update(job_id) for job_id in job_ids], ordered=False)
            except BulkWriteError as error:
                refusals = error.details["writeErrors"]
                if error.details.get("writeConcernErrors") or {one["code"] for one in refusals} - {_DUPLICATE_KEY}:
                    raise
                held = {job_ids[one["index"]] for one in refusals}
            found = {one["_id"]: "open" in one for one in self._jobs.find({"_id": {"$in": job_ids}}, {"open": True})}
        return {job_id: _reopening(found.get(job_id), job_id in held) for job_id in job_ids}

    def reopen_with(self, job_id: str, data: Mapping[str, Any], *, unique_key: str | None) -> Reopening:
        """Owes a failed job again with another payload, in one write."""
        changed, gone = _reopening_changes()
        changed = {**changed, "data": data}
        if unique_key is None:
            gone = {**gone, "uniqueKey": ""}
        else:
            changed["uniqueKey"] = unique_key
        wanted = {"_id": job_id, "status": str(LedgerStatus.FAILED)}
        with mongo_errors():
            try:
                if self._jobs.update_one(wanted, {"$set": changed, "$unset": gone}).modified_count:
                    return Reopening.OPEN
            except DuplicateKeyError:
                return Reopening.HELD
            return Reopening.REFUSED if self._jobs.find_one({"_id": job_id}, {"_id": True}) else Reopening.UNKNOWN

    def get(self, job_id: str) -> LedgerEntry | None:
        """The entry of a job, without its payload."""
        with mongo_errors():
            document = self._jobs.find_one({"_id": job_id}, _WITHOUT_DATA)
        return _entry(document) if document else None

    def data_of(self, job_id: str) -> dict[str, Any] | None:
        """The payload of a job as it goes over the wire."""
        return self.data_of_many([job_id]).get(job_id)

    def data_of_many(self, job_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The payloads of these jobs by job id; unknown ids are left out."""
        with mongo_errors():
            return {found["_id"]: found["data"] for found in self._jobs.find({"_id": {"$in": job_ids}}, {"data": True})}

    def open_entries(self, job_ids: Sequence[str]) -> list[LedgerEntry]:
        """The entries of those of these jobs that are unfinished, without their payloads."""
        wanted: Document = {"open": True, "_id": {"$in": job_ids}}
        with mongo_errors():
            return [_entry(found) for found in self._jobs.find(wanted, _WITHOUT_DATA).sort("_id", ASCENDING)]

    def open_jobs(self, *, after_id: str, limit: int, older_than: datetime | None = None) -> list[OpenJob]:
        """Unfinished jobs in the order of their ids: one page, served by the index ``open``."""
        wanted: Document = {"open": True, "_id": {"$gt": after_id}}
        if older_than is not None:
            wanted["createdAt"] = {"$lt": older_than}
        with mongo_errors():
            page = self._jobs.find(wanted, {"queue": True}).sort("_id", ASCENDING).limit(limit)
            return [OpenJob(job_id=found["_id"], queue=found["queue"]) for found in page]

    def _insert(self, entries: Sequence[NewEntry]) -> set[int]:
        """Inserts; answers the places of those that an existing entry refused.

        Raises:
            PayloadTooLarge: an entry does not fit one document.
        """
        too_large = PayloadTooLarge("data", "expected at most 16 MiB as one document; split the request")
        try:
            self._jobs.insert_many([_document(entry) for entry in entries], ordered=False)
        except DocumentTooLarge as error:
            raise too_large from error
        except BulkWriteError as error:
            refusals = {one["index"]: one["code"] for one in error.details["writeErrors"]}
            if _DOCUMENT_TOO_LARGE in refusals.values():
                raise too_large from error
            if error.details.get("writeConcernErrors") or set(refusals.values()) - {_DUPLICATE_KEY}:
                raise
            return set(refusals)
        except OperationFailure as error:
            if error.code == _DOCUMENT_TOO_LARGE:
                raise too_large from error
            raise
        return set()

    def _meet(self, refused: Mapping[int, NewEntry]) -> dict[int, Accepted]:
        """The entries that stand for the refused ones, as far as they can be seen."""
        if not refused:
            return {}
        keys = [entry.unique_key for entry in refused.values() if entry.unique_key is not None]
        same_id = {"_id": {"$in": [entry.job_id for entry in refused.values()]}}
        same_key = {"open": True, "uniqueKey": {"$in": keys}}
        by_id = {found["_id"]: _entry(found) for found in self._jobs.find(same_id, _WITHOUT_DATA)}
        by_key = (
            {found["uniqueKey"]: _entry(found) for found in self._jobs.find(same_key, _WITHOUT_DATA)} if keys else {}
        )
        met: dict[int, Accepted] = {}
        for index, entry in refused.items():
            found = by_id.get(entry.job_id) or by_key.get(entry.unique_key)
            if found is not None:
                met[index] = Accepted(entry=found, created=False)
        return met


def _document(entry: NewEntry) -> Document:
    document: Document = {
        "_id": entry.job_id,
        "jobType": entry.job_type,
        "queue": entry.queue,
        "data": entry.data,
        "options": msgspec.to_builtins(entry.options),
        "status": _ACCEPTED,
        "workspaceId": entry.workspace_id,
        "createdAt": entry.created_at,
        "open": True,
    }
    if entry.unique_key is not None:
        document["uniqueKey"] = entry.unique_key
    if entry.request_hash is not None:
        document["requestHash"] = entry.request_hash
    if entry.trace:
        document["trace"] = entry.trace
    return document


def _as_stored(entry: NewEntry) -> LedgerEntry:
    return LedgerEntry(
        job_id=entry.job_id,
        job_type=entry.job_type,
        queue=entry.queue,
        status=LedgerStatus.ACCEPTED,
        created_at=entry.created_at,
        options=entry.options,
        workspace_id=entry.workspace_id,
        unique_key=entry.unique_key,
        request_hash=entry.request_hash,
        trace=entry.trace,
    )


def _entry(document: Document) -> LedgerEntry:
    return msgspec.convert({**document, "jobId": document["_id"]}, LedgerEntry)


def _ending_update(ending: Ending) -> UpdateOne:
    stored: Document = {"status": str(ending.status), "finishedAt": ending.finished_at}
    if ending.result is not None:
        stored["result"] = ending.result
    if ending.error is not None:
        stored["error"] = ending.error
    return UpdateOne({"_id": ending.job_id, **_may_end(ending.status)}, {"$set": stored, "$unset": {"open": ""}})


def _may_end(status: LedgerStatus) -> Document:
    """Which entries an ending is for: a job that was asked to stop and came to its end all the same has ended so."""
    if status is LedgerStatus.CANCELLED:
        return {"open": True}
    return {"$or": [{"open": True}, {"status": str(LedgerStatus.CANCELLED)}]}


def _reopening(is_open: bool | None, is_held: bool) -> Reopening:
    if is_open is None:
        return Reopening.UNKNOWN
    if is_open:
        return Reopening.OPEN
    return Reopening.HELD if is_held else Reopening.REFUSED


def _reopening_update(job_id: str) -> UpdateOne:
    changed, gone = _reopening_changes()
    return UpdateOne({"_id": job_id, "status": str(LedgerStatus.FAILED)}, {"$set": changed, "$unset": gone})


def _reopening_changes() -> tuple[Document, Document]:
    """What is set and what is unset in an entry that is owed again."""
    return (
        {"status": str(LedgerStatus.ACCEPTED), "open": True},
        {"finishedAt": "", "error": "", "result": "", "options.delayMs": ""},
    )
