"""The one place where a MongoDB client is made."""

from datetime import UTC
from typing import Any

from bson.codec_options import CodecOptions
from pymongo import MongoClient, WriteConcern
from pymongo.database import Database
from pymongo.read_concern import ReadConcern

from libs.common.settings import Settings

Document = dict[str, Any]
"""A MongoDB document at the edge; stores turn it into typed data."""


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
