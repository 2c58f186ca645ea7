"""Running a piece of work in one MongoDB transaction, again where another writer was faster."""

import threading
from collections.abc import Callable
from typing import Final, TypeVar

from pymongo import WriteConcern
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import BulkWriteError, DuplicateKeyError
from pymongo.read_concern import ReadConcern

from libs.common.logging import get_logger
from libs.common.stores.mongo import Document, mongo_errors

log = get_logger(__name__)

T = TypeVar("T")

_TRIES: Final = 5
_DUPLICATE_KEY: Final = 11000


class Transactions:
    """The transactions of one attempt, one after the other, in one session.

    When a process is killed in the middle of a transaction, MongoDB keeps what it has locked for a minute. Whoever
    knows the session can end it at once; so the session's id is stored with the run, and taken away again in order.

    Args:
        database: where.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._database = database
        self._session = database.client.start_session(causal_consistency=False)
        # A cancelled attempt may still be in a transaction in its thread when it is closed from another.
        self._in_use = threading.Lock()

    @property
    def session_id(self) -> Document:
        """What MongoDB knows the session by."""
        return dict(self._session.session_id)

    def run(self, work: Callable[[ClientSession], T]) -> T:
        """Does ``work`` in one transaction that a majority confirms.

        Where it meets a write of another's, or a key that another has just taken, nothing of it is kept and it is done
        again on what is there by then. Reads see what was committed when the transaction began.

        Args:
            work: may be done several times; passes the session to all that it reads and writes.

        Raises:
            StoreUnavailable: MongoDB is away.
            Exception: whatever ``work`` raises; then nothing was written.
        """
        for tried in range(1, _TRIES + 1):
            try:
                with self._in_use, mongo_errors():
                    return self._session.with_transaction(
                        work,
                        read_concern=ReadConcern("local"),
                        write_concern=WriteConcern("majority", wtimeout=10_000),
                    )
            except (DuplicateKeyError, BulkWriteError) as error:
                if tried == _TRIES or not _is_duplicate(error):
                    raise
                log.info("transaction.repeated", tried=tried)
        raise AssertionError  # the last try returns or raises

    def close(self) -> None:
        """Ends the session, once no transaction is under way in it."""
        with self._in_use:
            self._session.end_session()


def end_session(database: Database[Document], session_id: Document) -> None:
    """Ends another process's session, and with it the transaction that it may have left open.

    Raises:
        StoreUnavailable: MongoDB is away.
    """
    with mongo_errors():
        database.client.admin.command("killSessions", [session_id])


def _is_duplicate(error: DuplicateKeyError | BulkWriteError) -> bool:
    if isinstance(error, DuplicateKeyError):
        return True
    failed = (error.details or {}).get("writeErrors") or [{}]
    return all(each.get("code") == _DUPLICATE_KEY for each in failed)
