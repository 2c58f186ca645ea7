"""Leads as the sync knows them, and the keys by which a row finds its lead.

A lead's ``matchKeys`` are all the names that it goes by: one per row that is linked to it (``x:<integration>:<id>``),
and its phone numbers (``p:<E.164>``) and email addresses (``e:<address>``), both those that it has and those that its
sources have for it. No two leads of a workspace share a key; a unique index sees to that. Where people gave one handle
to several leads, one of them has its key, and the others have it among their ``sharedKeys``: should the first give it
up, a row with this handle is theirs.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from bson import ObjectId

from libs.common.handles import normal_email, normal_phone
from libs.common.integrations.model import MatchBy
from services.sync.rules.rows import EMAIL, PHONE


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """The tie between a lead and one row of one source.

    Args:
        integration_id: the source.
        provider: the CRM's name.
        external_id: the row's identity at the source.
        seen: the values that the source last had, by lead field; what the lead itself has may differ.
        fingerprint: of the row when it was last taken; 0 where something of it could not be taken yet.
        read_at: when the row was read that was last taken.
        removed_at: when the row was found to be deleted at the source.
    """

    integration_id: str
    provider: str
    external_id: str
    seen: Mapping[str, str]
    fingerprint: int
    read_at: datetime
    removed_at: datetime | None = None


class Lead(msgspec.Struct, frozen=True, kw_only=True):
    """A lead: what is stored, or will be.

    Args:
        id: the document's id.
        values: by lead field, as stored; a person may have written them in any form. Empty fields are missing.
        links: its rows.
        written: the values that syncs last wrote into its fields; what differs from them, a person wrote.
        keys: its match keys.
        shared_keys: keys of handles that it has, but that another lead goes by.
        updated_at: when anything last wrote it; ``None`` where that is not known.
        synced_at: when a sync last wrote it.
        edited_at: the latest write by anything else that a sync has noticed.
        source_key: the key of the row that its field ``source`` names; empty where it names none, ``None`` where there
            is no such field.
    """

    id: ObjectId
    values: Mapping[str, str]
    links: tuple[Link, ...] = ()
    written: Mapping[str, str] = {}
    keys: frozenset[str] = frozenset()
    shared_keys: frozenset[str] = frozenset()
    updated_at: datetime | None = None
    synced_at: datetime | None = None
    edited_at: datetime | None = None
    source_key: str | None = None

    def link_of(self, integration_id: str, external_id: str) -> Link | None:
        """The tie to one row, or ``None``."""
        for link in self.links:
            if link.external_id == external_id and link.integration_id == integration_id:
                return link
        return None

    @property
    def last_edit(self) -> datetime | None:
        """The latest moment at which a person may have written it; ``None`` where only syncs have."""
        if self.updated_at is not None and self.updated_at != self.synced_at:
            return self.updated_at
        return self.edited_at


def external_key(integration_id: str, external_id: str) -> str:
    """The key of a row. External ids are only unique within one account, so the integration is part of it."""
    return f"x:{integration_id}:{external_id}"


def phone_key(e164: str) -> str:
    """The key of a phone number in E.164."""
    return f"p:{e164}"


def email_key(address: str) -> str:
    """The key of a normalised email address."""
    return f"e:{address}"


def handle_keys(values: Mapping[str, str], match_by: Collection[MatchBy] = tuple(MatchBy)) -> list[str]:
    """The keys of normalised handles, the phone first, because a match by phone counts more than one by email."""
    keys = []
    if (phone := values.get(PHONE)) and MatchBy.PHONE in match_by:
        keys.append(phone_key(phone))
    if (email := values.get(EMAIL)) and MatchBy.EMAIL in match_by:
        keys.append(email_key(email))
    return keys


def normalised_handles(values: Mapping[str, str], *, region: str) -> dict[str, str]:
    """The handles among values in any form, normalised; those that are none are left out."""
    handles = {}
    if (phone := values.get(PHONE)) and (e164 := normal_phone(phone.strip(), region=region)):
        handles[PHONE] = e164
    if (email := values.get(EMAIL)) and (address := normal_email(email.strip())):
        handles[EMAIL] = address
    return handles


def own_keys(lead: Lead, *, region: str) -> frozenset[str]:
    """The keys that are the lead's by right: its rows, and the handles that it has now."""
    rows = [external_key(link.integration_id, link.external_id) for link in lead.links]
    if lead.source_key:
        rows.append(lead.source_key)
    return frozenset((*rows, *handle_keys(normalised_handles(lead.values, region=region))))


def lent_keys(links: Iterable[Link], match_by: Collection[MatchBy] = tuple(MatchBy)) -> frozenset[str]:
    """The keys of handles that only sources have for a lead; a lead that has one of them itself comes first."""
    return frozenset(key for link in links for key in handle_keys(link.seen, match_by))


class AssignedKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The keys that a lead should have.

    Args:
        keys: its match keys.
        shared_keys: those of its handles that another lead goes by.
    """

    keys: frozenset[str]
    shared_keys: frozenset[str]


def assigned_keys(leads: Sequence[Lead], holders: Iterable[Lead], *, region: str) -> dict[ObjectId, AssignedKeys]:
    """The keys that leads should have, for those whose keys have to change.

    A key goes to the lead that has it by right; among several of them to the one that has it already, else to the
    first. What sources only lend a lead, it gives up to a lead that has it by right.

    Args:
        leads: those that a person may have written, the ones that come first in order first.
        holders: the leads that have any of the keys in question, some of ``leads`` perhaps among them.
        region: ISO 3166-1 alpha-2; where their phone numbers are read.
    """
    known = {lead.id: lead for lead in (*holders, *leads)}
    by_right = {lead_id: own_keys(lead, region=region) for lead_id, lead in known.items()}
    keys = {lead_id: set(lead.keys) for lead_id, lead in known.items()}
    holder_of = {key: lead_id for lead_id, held in keys.items() for key in held}

    def take(key: str, lead_id: ObjectId) -> None:
        if (holder := holder_of.get(key)) is not None:
            keys[holder].discard(key)
        holder_of[key] = lead_id
        keys[lead_id].add(key)

    for lead in leads:
        lent = lent_keys(lead.links)
        for key in keys[lead.id] - by_right[lead.id] - lent:
            keys[lead.id].discard(key)
            del holder_of[key]
        for key in sorted(by_right[lead.id]):
            holder = holder_of.get(key)
            if holder is None or (holder != lead.id and key not in by_right[holder]):
                take(key, lead.id)
        for key in sorted(lent):
            if key not in holder_of:
                take(key, lead.id)
    looked_at = {lead.id for lead in leads}
    assigned = {
        lead_id: AssignedKeys(
            keys=frozenset(keys[lead_id]),
            shared_keys=by_right[lead_id] - keys[lead_id] if lead_id in looked_at else lead.shared_keys,
        )
        for lead_id, lead in known.items()
    }
    return {
        lead_id: now
        for lead_id, now in assigned.items()
        if (now.keys, now.shared_keys) != (known[lead_id].keys, known[lead_id].shared_keys)
    }
