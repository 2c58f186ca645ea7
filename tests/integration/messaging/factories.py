"""Documents as the app writes them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo.database import Database

from libs.common.stores.collections import MESSAGES
from libs.common.stores.mongo import Document

WORKSPACE = "w1"
ALICE = "+12125550123"


def now() -> datetime:
    return datetime.now(UTC)


def ago(seconds: float) -> datetime:
    return now() - timedelta(seconds=seconds)


def insert_message(database: Database[Document], **fields: Any) -> str:
    """A queued message, unless ``fields`` say otherwise; answers its id."""
    document: Document = {
        "_id": ObjectId(),
        "workspaceId": WORKSPACE,
        "to": ALICE,
        "text": "Hello",
        "status": "queued",
        "createdAt": now(),
        "updatedAt": now(),
        **fields,
    }
    database[MESSAGES].insert_one(document)
    return str(document["_id"])


def stored(database: Database[Document], message_id: str) -> Document:
    found = database[MESSAGES].find_one({"_id": ObjectId(message_id)})
    assert found is not None
    return found
