"""Rows, leads and links for the tests, with defaults for what a test does not speak of."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from bson import ObjectId

from libs.common.integrations.model import MatchBy, Provider
from services.sync.rules.leads import Lead, Link, external_key, handle_keys
from services.sync.rules.planning import KnownLeads, PagePlan, Planner, PlanRules
from services.sync.rules.rows import MappedRow, SourceRow

MONDAY = datetime(2024, 3, 4, 12, tzinfo=UTC)
HUBSPOT_ID = "65a000000000000000000001"
SALESFORCE_ID = "65a000000000000000000002"


def on_day(days: float) -> datetime:
    return MONDAY + timedelta(days=days)


TUESDAY = on_day(1)


def a_row(external_id: str, values: Mapping[str, str], *, fingerprint: int = 1) -> MappedRow:
    return MappedRow(place=external_id, external_id=external_id, values=values, fingerprint=fingerprint)


def a_source_row(external_id: str = "1", **values: str | None) -> SourceRow:
    return SourceRow(place=external_id, external_id=external_id, values=values)


def a_link(
    external_id: str,
    seen: Mapping[str, str],
    *,
    integration_id: str = HUBSPOT_ID,
    fingerprint: int = 1,
    read_at: datetime = MONDAY,
    removed_at: datetime | None = None,
) -> Link:
    return Link(
        integration_id=integration_id,
        provider="hubspot",
        external_id=external_id,
        seen=seen,
        fingerprint=fingerprint,
        read_at=read_at,
        removed_at=removed_at,
    )


def a_lead(
    values: Mapping[str, str],
    *links: Link,
    updated_at: datetime | None = MONDAY,
    synced_at: datetime | None = MONDAY,
    edited_at: datetime | None = None,
    written: Mapping[str, str] | None = None,
) -> Lead:
    """A lead that has what its sources have, where nothing else is said of what syncs have written into it."""
    keys = {external_key(link.integration_id, link.external_id) for link in links}
    for handles in (values, *(link.seen for link in links)):
        keys.update(handle_keys(handles))
    written = {name: value for link in links for name, value in link.seen.items()} if written is None else written
    return Lead(
        id=ObjectId(),
        values=values,
        links=links,
        written=written,
        keys=frozenset(keys),
        updated_at=updated_at,
        synced_at=synced_at if links else None,
        edited_at=edited_at,
    )


def plan_rules(integration_id: str = HUBSPOT_ID, *, match_by: tuple[MatchBy, ...] = tuple(MatchBy)) -> PlanRules:
    return PlanRules(integration_id=integration_id, provider=Provider.HUBSPOT, region="US", match_by=match_by)


def planned(
    *rows: MappedRow,
    leads: tuple[Lead, ...] = (),
    removed: tuple[SourceRow, ...] = (),
    rules: PlanRules | None = None,
    read_at: datetime = TUESDAY,
) -> PagePlan:
    rules = rules or plan_rules()
    return Planner(rules, KnownLeads(leads), read_at=read_at).plan([rules.keyed(row) for row in rows], removed)
