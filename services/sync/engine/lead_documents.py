"""Leads between MongoDB's documents and the rules."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from bson import Int64

from libs.common.stores.ids import stored_id
from libs.common.stores.mongo import Document
from services.sync.rules.leads import Lead, Link, external_key
from services.sync.rules.planning import LeadChange
from services.sync.rules.rows import LEAD_FIELDS

PROJECTION: Final[Mapping[str, int]] = dict.fromkeys(
    (*LEAD_FIELDS, "links", "matchKeys", "sharedKeys", "syncedValues", "updatedAt", "syncedAt", "editedAt", "source"), 1
)
"""What of a lead the rules know."""


_stored_id = lru_cache(maxsize=256)(stored_id)
"""The same few integrations stand in every lead."""


def lead_of(document: Mapping[str, Any]) -> Lead:
    """A stored lead."""
    return Lead(
        id=document["_id"],
        values={name: value for name in LEAD_FIELDS if isinstance(value := document.get(name), str) and value},
        links=tuple(_link_of(each) for each in document.get("links") or ()),
        written=document.get("syncedValues") or {},
        keys=frozenset(document.get("matchKeys") or ()),
        shared_keys=frozenset(document.get("sharedKeys") or ()),
        updated_at=document.get("updatedAt"),
        synced_at=document.get("syncedAt"),
        edited_at=document.get("editedAt"),
        source_key=_source_key(document.get("source")),
    )


def new_document(lead: Lead, *, workspace_id: str, at: datetime) -> Document:
    """The document of a lead that a sync makes.

    Args:
        lead: with at least one link; the first one is its source.
        workspace_id: whose it is.
        at: now.
    """
    first = lead.links[0]
    return {
        "_id": lead.id,
        "workspaceId": workspace_id,
        **lead.values,
        "source": _source(first),
        "links": [_stored_link(link) for link in lead.links],
        "matchKeys": sorted(lead.keys),
        "syncedValues": dict(lead.written),
        "createdAt": at,
        "updatedAt": at,
        "syncedAt": at,
    }


def key_update(keys: frozenset[str], shared_keys: frozenset[str]) -> Document:
    """The update that sets a lead's keys."""
    # Fields without a key are taken out: an empty list would be indexed, and two of them would count as the same key.
    wanted = {"matchKeys": sorted(keys), "sharedKeys": sorted(shared_keys)}
    present = {name: value for name, value in wanted.items() if value}
    absent = {name: "" for name, value in wanted.items() if not value}
    return {**({"$set": present} if present else {}), **({"$unset": absent} if absent else {})}


def changed_fields(change: LeadChange, *, at: datetime) -> Document:
    """The update of a lead that a sync changes: only of what differs, so that nothing else is undone."""
    before, after = change.before, change.after
    fields: Document = {name: value for name, value in after.values.items() if before.values.get(name) != value}
    fields["links"] = [_stored_link(link) for link in after.links]
    if after.written != before.written:
        fields["syncedValues"] = dict(after.written)
    fields["updatedAt"] = fields["syncedAt"] = at
    if after.edited_at != before.edited_at:
        fields["editedAt"] = after.edited_at
    if before.source_key is None:
        fields["source"] = _source(after.links[0])
    update = key_update(after.keys, after.shared_keys)
    return {**update, "$set": {**fields, **update.get("$set", {})}}


def _source_key(source: object) -> str | None:
    if source is None:
        return None
    if isinstance(source, Mapping) and source.get("externalId") and source.get("integrationId"):
        return external_key(str(source["integrationId"]), str(source["externalId"]))
    return ""


def _source(link: Link) -> Document:
    return {
        "provider": link.provider,
        "externalId": link.external_id,
        "integrationId": _stored_id(link.integration_id),
    }


def _stored_link(link: Link) -> Document:
    stored: Document = {
        "integrationId": _stored_id(link.integration_id),
        "provider": link.provider,
        "externalId": link.external_id,
        "seen": dict(link.seen),
        "fingerprint": Int64(link.fingerprint),
        "readAt": link.read_at,
    }
    if link.removed_at:
        stored["removedAt"] = link.removed_at
    return stored


def _link_of(stored: Mapping[str, Any]) -> Link:
    return Link(
        integration_id=str(stored["integrationId"]),
        provider=stored["provider"],
        external_id=stored["externalId"],
        seen=stored.get("seen") or {},
        fingerprint=int(stored.get("fingerprint", 0)),
        read_at=stored["readAt"],
        removed_at=stored.get("removedAt"),
    )
