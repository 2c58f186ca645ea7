"""Which rows a run has met, collection ``syncSeen``: kept while it runs, so that it can tell at its end which are gone.

A row is kept as a mark of eight bytes, all marks of a page in one document, written in the page's own transaction. So
they survive a crash as the checkpoint does, and a million rows are eight megabytes.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final

from bson import Binary, ObjectId
from pymongo.client_session import ClientSession
from pymongo.database import Database

from libs.common.stores.collections import SEEN_KEPT, SYNC_SEEN
from libs.common.stores.mongo import Document, mongo_errors

_MARK_BYTES: Final = 8
_MARGIN: Final = timedelta(days=1)
"""For clocks that differ, and for the time that the question itself takes."""


def mark_of(external_id: str) -> bytes:
    """What stands for a row: two of a million rows share one once in forty million runs."""
    return blake2b(external_id.encode(), digest_size=_MARK_BYTES).digest()


def marks_of(external_ids: Iterable[str]) -> bytes:
    """What stands for a page's rows: their marks, one behind the other."""
    return b"".join(map(mark_of, external_ids))


class SeenRows:
    """Rows by their marks, in eight bytes each.

    Args:
        pages: the marks of each page, from :func:`marks_of`.
    """

    def __init__(self, pages: Iterable[bytes] = ()) -> None:
        found = [array("Q") for _ in range(256)]
        for page in pages:
            for place in range(0, len(page), _MARK_BYTES):
                mark = page[place : place + _MARK_BYTES]
                found[mark[0]].append(int.from_bytes(mark))
        # Sorted by parts: Python's numbers take several times the room, for one part at a time.
        self._marks = [array("Q", sorted(part)) for part in found]

    def __contains__(self, external_id: str) -> bool:
        mark = mark_of(external_id)
        part, number = self._marks[mark[0]], int.from_bytes(mark)
        place = bisect_left(part, number)
        return place < len(part) and part[place] == number


class SeenRowStore:
    """The stored marks.

    Args:
        database: with majority write concern.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._seen = database[SYNC_SEEN]

    def note(self, run_id: ObjectId, marks: bytes, *, at: datetime, session: ClientSession) -> None:
        """Keeps the marks of a page.

        Args:
            run_id: the run.
            marks: of the page's rows, from :func:`marks_of`.
            at: now.
            session: the transaction that writes the page.

        Raises:
            PyMongoError: as MongoDB's driver raises it, for the transaction to see.
        """
        if marks:
            self._seen.insert_one({"runId": run_id, "marks": Binary(marks), "at": at}, session=session)

    @staticmethod
    def has_all(began_at: datetime, *, now: datetime) -> bool:
        """Whether nothing of a run that began then can have expired; else nobody may go by what is missing."""
        return now < began_at + SEEN_KEPT - _MARGIN

    def of(self, run_id: ObjectId) -> SeenRows:
        """All that a run has met.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        with mongo_errors():
            return SeenRows(document["marks"] for document in self._seen.find({"runId": run_id}, {"marks": True}))

    def forget(self, run_id: ObjectId) -> None:
        """Takes the marks of a run away.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        with mongo_errors():
            self._seen.delete_many({"runId": run_id})
