"""How a row's values go into a lead that is there already.

For every field four values are known: what the source had when it was last read (``Link.seen``), what it has, what the
lead has, and what a sync last wrote there (``Lead.written``). From them follows who wrote last:

- The source has not changed the field: the lead keeps what it has.
- The source has changed it, and what the lead has was written by a sync: the change is taken.
- The source has changed it, and a person has too: the source's change is taken only where it is known to be the later
  one, that is where the source was read with its old value after the person's edit. Otherwise the person's edit stays;
  the source's next change then is known to be later.
- A source that meets a lead for the first time fills what is empty and overwrites nothing.
- A source never empties a field: a blank in a CRM is more often a missing permission than a wish. What a person has
  emptied stays empty, by the same rule as any other edit.
"""

from collections.abc import Mapping
from datetime import datetime

from services.sync.rules.leads import Lead, Link, normalised_handles
from services.sync.rules.rows import EMAIL, LEAD_FIELDS, PHONE


def merged_values(
    lead: Lead, row: Mapping[str, str], *, link: Link | None, source_read_at: datetime | None, region: str
) -> dict[str, str]:
    """The fields that the row changes, with their new values.

    Args:
        lead: as it is stored.
        row: the row's normalised values.
        link: the row's tie to the lead; ``None`` where they meet for the first time.
        source_read_at: when the whole source was last read completely, so that what has not been seen to change was
            then as it had been.
        region: ISO 3166-1 alpha-2; where the lead's own phone number is read.
    """
    known_since = _later(link.read_at, source_read_at) if link else None
    changes: dict[str, str] = {}
    for field in LEAD_FIELDS:
        new = row.get(field)
        if not new or lead.values.get(field) == new or (link and link.seen.get(field) == new):
            continue
        if _is_same(lead, field, new, region=region):
            continue
        if _came_from_a_source(lead, field, region=region):
            if link or not lead.values.get(field):
                changes[field] = new
        elif link and known_since and lead.last_edit and lead.last_edit < known_since:
            changes[field] = new
    return changes


def _came_from_a_source(lead: Lead, field: str, *, region: str) -> bool:
    """Whether what the lead has in a field was written by a sync, or was never there."""
    current, written = lead.values.get(field), lead.written.get(field)
    if not current or not written:
        return current == written
    return current == written or _is_same(lead, field, written, region=region)


def _is_same(lead: Lead, field: str, value: str, *, region: str) -> bool:
    """Whether the lead's own spelling of a handle means the normalised ``value``."""
    if field not in (PHONE, EMAIL) or field not in lead.values:
        return False
    return normalised_handles({field: lead.values[field]}, region=region).get(field) == value


def _later(moment: datetime, other: datetime | None) -> datetime:
    return moment if other is None or moment > other else other
