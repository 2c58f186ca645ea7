"""Lines in MongoDB: writing one down with its credentials encrypted, and listing them without any secret."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from bson import ObjectId
from pymongo.database import Database

from libs.common.credentials import CredentialsVault
from libs.common.stores.collections import LINES
from libs.common.stores.lines import LineStatus, line_record
from libs.common.stores.mongo import Document

DEFAULT_LIMITS: Mapping[str, int] = {"perMinute": 20, "perDay": 500, "newConversationsPerDay": 50}
"""What a line may bear where nobody says otherwise: what a phone in a person's hand might do on a busy day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLine:
    """A line to write down.

    Args:
        workspace_id: whose it is.
        provider: whose protocol its server speaks.
        server_url: where its server is; with the workspace and the provider it is what makes a line the same one.
        credentials: what its server wants to see, by the names that its provider uses.
        name: how people call it.
        address: its own phone number or email address; empty where nobody knows.
        limits: what it may bear, by the names of the collection's documents.
        health: the outcome of a first check; None where none was made.
    """

    workspace_id: str
    provider: str
    server_url: str
    credentials: Mapping[str, str] = field(repr=False)
    name: str
    address: str = ""
    limits: Mapping[str, float] = field(default_factory=dict)
    health: Mapping[str, Any] | None = None


class LineView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A line as it is shown: everything but its credentials.

    Args:
        reason: what is wrong with it; empty where nothing is.
        checked_at: when its health was last looked at.
    """

    id: str
    workspace_id: str
    name: str
    address: str
    provider: str
    server_url: str
    status: str
    health: str
    reason: str = ""
    checked_at: datetime | None = None
    limits: Mapping[str, Any]


def save_line(
    database: Database[Document], vault: CredentialsVault, line: NewLine, *, replace: ObjectId | None = None
) -> tuple[str, bool]:
    """Write a line down, active.

    Args:
        database: where lines are.
        vault: encrypts the credentials for this line alone.
        line: the line.
        replace: the line that it takes the place of; where None, one with the same workspace, provider and server.

    Returns:
        The line's id, and whether it is new.
    """
    same = {"workspaceId": line.workspace_id, "provider": line.provider, "serverUrl": line.server_url}
    known = replace or _id_of(database[LINES].find_one(same, {"_id": True}))
    key = known or ObjectId()
    values = {
        **same,
        "name": line.name,
        "address": line.address,
        "credentials": vault.seal(line.credentials, record=line_record(str(key))),
        "status": LineStatus.ACTIVE.value,
        "limits": dict(line.limits),
        **({"health": dict(line.health)} if line.health else {}),
    }
    database[LINES].update_one({"_id": key}, {"$set": values}, upsert=True)
    return str(key), known is None


def list_lines(database: Database[Document], workspace_id: str | None) -> list[LineView]:
    """The lines of a workspace, or of all."""
    chosen = {} if workspace_id is None else {"workspaceId": workspace_id}
    found = database[LINES].find(chosen, {"credentials": False}).sort([("workspaceId", 1), ("_id", 1)])
    return [_view(document) for document in found]


def _view(document: Document) -> LineView:
    health = document.get("health") or {}
    checked_at = health.get("checkedAt")
    return LineView(
        id=str(document["_id"]),
        workspace_id=str(document.get("workspaceId", "")),
        name=str(document.get("name", "")),
        address=str(document.get("address", "")),
        provider=str(document.get("provider", "")),
        server_url=str(document.get("serverUrl", "")),
        status=str(document.get("status", "")),
        health=str(health.get("status", "not checked yet")),
        reason=str(health.get("reason") or ""),
        checked_at=checked_at if isinstance(checked_at, datetime) else None,
        limits=document.get("limits") or {},
    )


def _id_of(document: Document | None) -> ObjectId | None:
    return document["_id"] if document else None
