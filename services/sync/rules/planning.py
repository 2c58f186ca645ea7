"""What a page of rows does to the leads: which are made, which change, which rows are refused.

The plan is made in memory from the page and the leads that share a key with it, and is written as one transaction; if
another writer was faster, the leads are read and the plan is made again.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from bson import ObjectId
from msgspec.structs import replace

from libs.common.integrations.model import MatchBy, Provider
from services.sync.rules.leads import Lead, Link, email_key, external_key, handle_keys, lent_keys, own_keys, phone_key
from services.sync.rules.merging import merged_values
from services.sync.rules.rows import EMAIL, PHONE, MappedRow, Reason, RowProblem, SourceRow, shortened


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRules:
    """What is the same for all pages of a run.

    Args:
        integration_id: the source.
        provider: the CRM.
        match_by: what may tell that a row is a known lead, beside the row's own identity.
        region: ISO 3166-1 alpha-2; where phone numbers without a country code are read.
        source_read_at: see :func:`~services.sync.rules.merging.merged_values`.
        new_id: makes the id of a new lead.
    """

    integration_id: str
    provider: Provider
    match_by: Collection[MatchBy] = tuple(MatchBy)
    region: str
    source_read_at: datetime | None = None
    new_id: Callable[[], ObjectId] = ObjectId

    def row_key(self, external_id: str) -> str:
        """The match key of a row of this source."""
        return external_key(self.integration_id, external_id)

    def keyed(self, row: MappedRow) -> "KeyedRow":
        """A row with its match keys."""
        return KeyedRow(row, (self.row_key(row.external_id), *handle_keys(row.values, self.match_by)))


class KeyedRow(NamedTuple):
    """A row and the keys by which it looks for its lead, the strongest first."""

    row: MappedRow
    keys: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadChange:
    """A stored lead before and after.

    Args:
        before: as it was read.
        after: as it shall be.
    """

    before: Lead
    after: Lead


@dataclass(slots=True, kw_only=True)
class PagePlan:
    """What a page does.

    Args:
        made: leads to insert.
        changed: leads to change.
        problems: rows and fields that were refused.
        created: rows that make a lead.
        updated: rows that change one, one made by the same page included.
        unchanged: rows that change nothing.
        skipped: deleted rows that were never a lead here.
    """

    made: list[Lead] = field(default_factory=list)
    changed: list[LeadChange] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0


class KnownLeads:
    """The leads that a page may touch, found by their keys; it follows the plan as it grows.

    Args:
        leads: every stored lead that has one of the keys that the page will ask for, or shares one.
    """

    def __init__(self, leads: Iterable[Lead] = ()) -> None:
        self._leads: dict[ObjectId, Lead] = {}
        self._holders: dict[str, ObjectId] = {}
        self._sharers: dict[str, list[ObjectId]] = {}
        for lead in leads:
            self.put(lead)

    def put(self, lead: Lead) -> None:
        """Adds a lead, or replaces it by what it has become."""
        before = self._leads.get(lead.id)
        if before:
            for key in before.keys - lead.keys:
                del self._holders[key]
        self._leads[lead.id] = lead
        for key in lead.keys:
            self._holders[key] = lead.id
        for key in lead.shared_keys:
            self._sharers.setdefault(key, []).append(lead.id)

    def holder(self, key: str) -> Lead | None:
        """The lead that goes by a key; where none does, the oldest of those that share it."""
        if lead_id := self._holders.get(key):
            return self._leads[lead_id]
        sharers = [each for each in self._sharers.get(key, ()) if key in self._leads[each].shared_keys]
        return self._leads[min(sharers)] if sharers else None

    def has_holder(self, key: str) -> bool:
        """Whether a lead goes by a key; one that only shares it does not count."""
        return key in self._holders

    def __contains__(self, lead: Lead) -> bool:
        return lead.id in self._leads


class Planner:
    """Makes the plan of one page.

    Args:
        rules: of the run.
        known: the leads that have a key of the page.
        read_at: when the page was fetched.
    """

    def __init__(self, rules: PlanRules, known: KnownLeads, *, read_at: datetime) -> None:
        self._rules = rules
        self._known = known
        self._read_at = read_at
        self._made: dict[ObjectId, Lead] = {}
        self._changed: dict[ObjectId, LeadChange] = {}
        self._plan = PagePlan()

    def plan(self, rows: Sequence[KeyedRow], removed: Sequence[SourceRow] = ()) -> PagePlan:
        """The plan for rows in the order in which the source gave them, and for rows deleted at the source."""
        for row, keys in rows:
            self._place(row, keys)
        for gone in removed:
            self._mark_removed(gone)
        self._plan.made = list(self._made.values())
        self._plan.changed = list(self._changed.values())
        return self._plan

    def _place(self, row: MappedRow, keys: Sequence[str]) -> None:
        self._plan.problems.extend(row.problems)
        for key in keys:
            if lead := self._known.holder(key):
                self._merge(lead, row, keys)
                return
        self._create(row, keys)

    def _create(self, row: MappedRow, keys: Sequence[str]) -> None:
        lead = Lead(
            id=self._rules.new_id(),
            values=row.values,
            written=row.values,
            links=(self._link(row, seen=row.values, fingerprint=row.fingerprint),),
            keys=frozenset(keys),
        )
        self._made[lead.id] = lead
        self._known.put(lead)
        self._plan.created += 1

    def _merge(self, lead: Lead, row: MappedRow, row_keys: Sequence[str]) -> None:
        rules = self._rules
        link = lead.link_of(rules.integration_id, row.external_id)
        changes = merged_values(lead, row.values, link=link, source_read_at=rules.source_read_at, region=rules.region)
        taken = self._taken_by_others(lead, changes)
        for name in taken:
            self._plan.problems.append(
                RowProblem(
                    place=row.place, field=name, value=shortened(changes.pop(name)), reason=Reason.TAKEN, fatal=False
                )
            )
        seen = {**(link.seen if link else {}), **{name: text for name, text in row.values.items() if name not in taken}}
        new_link = self._link(row, seen=seen, fingerprint=0 if taken else row.fingerprint)
        if link and not changes and replace(new_link, read_at=link.read_at) == link:
            self._plan.unchanged += 1
            return
        links = tuple(new_link if each is link else each for each in lead.links) if link else (*lead.links, new_link)
        after = replace(
            lead,
            values={**lead.values, **changes},
            written={**lead.written, **changes},
            links=links,
            edited_at=lead.last_edit,
        )
        self._store(lead, self._with_keys(lead, after, row_keys))
        self._plan.updated += 1

    def _mark_removed(self, row: SourceRow) -> None:
        lead = self._known.holder(self._rules.row_key(row.external_id))
        link = lead.link_of(self._rules.integration_id, row.external_id) if lead else None
        if lead is None or link is None:
            self._plan.skipped += 1
        elif link.removed_at:
            self._plan.unchanged += 1
        else:
            gone = replace(link, removed_at=self._read_at)
            links = tuple(gone if each is link else each for each in lead.links)
            self._store(lead, replace(lead, links=links, edited_at=lead.last_edit))
            self._plan.updated += 1

    def _link(self, row: MappedRow, *, seen: Mapping[str, str], fingerprint: int) -> Link:
        return Link(
            integration_id=self._rules.integration_id,
            provider=str(self._rules.provider),
            external_id=row.external_id,
            seen=seen,
            fingerprint=fingerprint,
            read_at=self._read_at,
        )

    def _taken_by_others(self, lead: Lead, changes: Mapping[str, str]) -> list[str]:
        """The handles among the changes that another lead has."""
        named = ((PHONE, MatchBy.PHONE, phone_key), (EMAIL, MatchBy.EMAIL, email_key))
        return [
            name
            for name, kind, key in named
            if name in changes and kind in self._rules.match_by and self._is_held_by_other(lead, key(changes[name]))
        ]

    def _is_held_by_other(self, lead: Lead, key: str) -> bool:
        holder = self._known.holder(key)
        return holder is not None and holder.id != lead.id

    def _with_keys(self, before: Lead, after: Lead, row_keys: Sequence[str]) -> Lead:
        """The lead with the keys that it had and still goes by, and those of the row that nobody else has."""
        own = own_keys(after, region=self._rules.region)
        rightful = own | lent_keys(after.links)
        gained = frozenset(key for key in row_keys if key in rightful and not self._is_held_by_other(before, key))
        keys = (before.keys & rightful) | gained
        return replace(after, keys=keys, shared_keys=(before.shared_keys & own) - keys)

    def _store(self, before: Lead, after: Lead) -> None:
        if before.id in self._made:
            self._made[before.id] = after
        else:
            original = self._changed[before.id].before if before.id in self._changed else before
            self._changed[before.id] = LeadChange(before=original, after=after)
        self._known.put(after)
