"""The one place where a MongoDB client is made, and where MongoDB's errors become ours."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC
from typing import Any, Final

import pymongo
from bson.codec_options import CodecOptions
from pymongo import MongoClient, WriteConcern
from pymongo.database import Database
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)
from pymongo.read_concern import ReadConcern

from libs.common.errors import StoreUnavailable
from libs.common.settings import Settings

Document = dict[str, Any]
"""A MongoDB document at the edge; stores turn it into typed data."""

_PING_S: Final = 2.0


def connect_mongo(settings: Settings, *, service: str) -> Database[Document]:
    """The database of this installation; majority writes, retried once by the driver, aware datetimes.

    Args:
        settings: gives the URI, and the database where the URI names none.
        service: shown by the server in its list of clients.
    """
    client: MongoClient[Document] = MongoClient(
        settings.mongodb_uri.reveal(),
        appname=f"tuco-jobs/{service}",
        serverSelectionTimeoutMS=5_000,
        connectTimeoutMS=5_000,
        socketTimeoutMS=60_000,
        retryWrites=True,
        retryReads=True,
    )
    database = client.get_default_database(default=settings.mongodb_database)
    return database.with_options(
        codec_options=CodecOptions(tz_aware=True, tzinfo=UTC),
        write_concern=WriteConcern("majority", wtimeout=10_000),
        read_concern=ReadConcern("majority"),
    )


_REFUSING = frozenset(
    {
        13,  # Unauthorized
        18,  # AuthenticationFailed
        24,  # LockTimeout
        64,  # WriteConcernTimeout
        91,  # ShutdownInProgress
        134,  # ReadConcernMajorityNotAvailableYet
        189,  # PrimarySteppedDown
        10107,  # NotWritablePrimary
        11600,  # InterruptedAtShutdown
        11602,  # InterruptedDueToReplStateChange
        13435,  # NotPrimaryNoSecondaryOk
        13436,  # NotPrimaryOrSecondary
        14031,  # OutOfDiskSpace
    }
)
"""Codes with which a server that is reached refuses to serve (src/mongo/base/error_codes.yml of MongoDB 6.0)."""


@contextmanager
def mongo_errors() -> Iterator[None]:
    """Raises MongoDB's absences and refusals as ours; what the caller did wrong passes as it is.

    Raises:
        StoreUnavailable: MongoDB is away, without a primary, too slow, or cannot reach a majority.
    """
    try:
        yield
    except (ConnectionFailure, ExecutionTimeout, WriteConcernError) as error:
        raise StoreUnavailable("mongodb", _reason(error)) from error
    except BulkWriteError as error:
        if error.details.get("writeConcernErrors"):
            raise StoreUnavailable("mongodb", "a majority of the nodes did not confirm the write") from error
        raise
    except OperationFailure as error:
        if error.code in _REFUSING:
            raise StoreUnavailable("mongodb", _reason(error)) from error
        raise


def _reason(error: PyMongoError) -> str:
    """What the driver said, without the description of the whole topology that it appends."""
    return str(error).split(", Topology Description", 1)[0].split(", full error", 1)[0][:300] or type(error).__name__


def what_is_missing(database: Database[Document]) -> Sequence[str]:
    """``["mongodb"]`` where it does not answer within two seconds, else nothing; for a process's readiness."""
    try:
        with pymongo.timeout(_PING_S):
            database.command("ping")
    except PyMongoError:
        return ["mongodb"]
    return []
