"""The leads that are checked: each with a phone of its own, half of them written as people write them, and an email."""

from collections.abc import Iterator
from datetime import UTC, datetime

from bson import ObjectId
from pymongo.database import Database

from libs.common.stores.collections import LEADS
from libs.common.stores.mongo import Document

_BATCH = 10_000


def fill(database: Database[Document], workspace: str, count: int) -> list[str]:
    """Stores so many leads; answers their ids.

    Args:
        database: this installation's, with its collections.
        workspace: whose leads.
        count: how many.
    """
    leads = database[LEADS]
    ids: list[str] = []
    batch: list[Document] = []
    for document in _documents(workspace, count):
        batch.append(document)
        if len(batch) == _BATCH or len(ids) + len(batch) == count:
            ids += map(str, leads.insert_many(batch, ordered=False).inserted_ids)
            batch = []
    return ids


def _documents(workspace: str, count: int) -> Iterator[Document]:
    now = datetime.now(UTC)
    for n in range(count):
        digits = f"{2_125_550_000 + n * 7919 % 700_000_000:010}"
        written = f"({digits[:3]}) {digits[3:6]}-{digits[6:]}" if n % 2 else f"+1{digits}"
        yield {
            "_id": ObjectId(),
            "workspaceId": workspace,
            "firstName": "Ada",
            "lastName": "Lovelace",
            "phone": written,
            "email": f"Person.{n}@Example-{n % 50}.com",
            "source": {"provider": "hubspot", "externalId": str(n)},
            "createdAt": now,
            "updatedAt": now,
        }
