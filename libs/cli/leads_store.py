"""Writing imported leads to MongoDB, so that importing the same file twice changes nothing.

A lead's ``_id`` is derived from its workspace and its contacts. So a repeated row, a repeated import or one that was
interrupted and started again meets the lead that is there, through the index that every collection has.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo import UpdateOne
from pymongo.database import Database

from libs.cli.leads_file import LeadRow
from libs.common.stores.collections import LEADS
from libs.common.stores.mongo import Document

_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Written:
    """What one batch changed.

    Args:
        created: leads that are new.
        known: rows whose lead was there already, from this file or before.
    """

    created: int
    known: int


def lead_id(workspace: str, row: LeadRow) -> ObjectId:
    """The id of the lead that a row stands for: its contacts make it, and its name where it has none."""
    identity = (row.phone, row.email) if row.phone or row.email else ("", "", row.first_name, row.last_name)
    digest = hashlib.sha256("\x00".join(("lead", workspace, *identity)).encode()).digest()
    return ObjectId(digest[:12])


def write_leads(
    database: Database[Document], workspace: str, rows: Iterable[LeadRow], *, at: datetime
) -> Iterator[Written]:
    """Create or update the leads of ``rows``, answering what each batch of 1,000 changed.

    What a row leaves empty is left as it is.

    Args:
        database: where leads are.
        workspace: whose they are.
        rows: the leads.
        at: the moment that they are created or updated.
    """
    for batch in _batches(rows):
        # One write per lead: the last of several rows that stand for the same lead is as good as the others.
        updates = {lead_id(workspace, row): row for row in batch}
        result = database[LEADS].bulk_write(
            [UpdateOne({"_id": key}, _update(workspace, row, at), upsert=True) for key, row in updates.items()],
            ordered=False,
        )
        yield Written(created=result.upserted_count, known=len(batch) - result.upserted_count)


def _update(workspace: str, row: LeadRow, at: datetime) -> dict[str, Any]:
    values = {"firstName": row.first_name, "lastName": row.last_name, "email": row.email, "phone": row.phone}
    given = {name: value for name, value in values.items() if value}
    return {"$setOnInsert": {"workspaceId": workspace, "createdAt": at}, "$set": {**given, "updatedAt": at}}


def _batches(rows: Iterable[LeadRow]) -> Iterator[list[LeadRow]]:
    batch: list[LeadRow] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
