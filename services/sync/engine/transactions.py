"""Running a piece of work in one MongoDB transaction, again where another writer was faster."""

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


def in_transaction(database: Database[Document], work: Callable[[ClientSession], T]) -> T:
    """Does ``work`` in one transaction that a majority confirms.

    Where it meets a write of another's, or a key that another has just taken, nothing of it is kept and it is done
    again on what is there by then. Reads see what was committed when the transaction began.

    Args:
        database: where.
        work: may be done several times; passes the session to all that it reads and writes.

    Raises:
        StoreUnavailable: MongoDB is away.
        Exception: whatever ``work`` raises; then nothing was written.
    """
    for tried in range(1, _TRIES + 1):
        try:
            with mongo_errors(), database.client.start_session(causal_consistency=False) as session:
                return session.with_transaction(
                    work, read_concern=ReadConcern("local"), write_concern=WriteConcern("majority", wtimeout=10_000)
                )
        except (DuplicateKeyError, BulkWriteError) as error:
            if tried == _TRIES or not _is_duplicate(error):
                raise
            log.info("transaction.repeated", tried=tried)
    raise AssertionError  # the last try returns or raises


def _is_duplicate(error: DuplicateKeyError | BulkWriteError) -> bool:
    if isinstance(error, DuplicateKeyError):
        return True
    failed = (error.details or {}).get("writeErrors") or [{}]
    return all(each.get("code") == _DUPLICATE_KEY for each in failed)
