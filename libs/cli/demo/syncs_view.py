"""What the syncs came to, for people and for programs."""

from rich.console import Group, RenderableType

from libs.cli.demo.checks import checks_data, checks_view
from libs.cli.demo.syncs import SyncsOutcome
from libs.cli.output import plain, table

_NUMBERS = ("fetched", "created", "updated", "unchanged", "failed", "removed")
_HEADS = ("read", "new leads", "changed", "unchanged", "refused", "gone")


def syncs_view(outcome: SyncsOutcome) -> RenderableType:
    """A row for each sync, the refused rows, and the checks."""
    syncs = table("CRM", "sync", *_HEADS, "seconds", numbers=(*_HEADS, "seconds"))
    refused = table("CRM", "row", "field", "held", "reason")
    for each in outcome.synced:
        numbers = (f"{number:,}" if (number := each.counts.get(name, 0)) else "" for name in _NUMBERS)
        syncs.add_row(each.crm, each.kind, *numbers, f"{each.seconds:.1f}")
        for row in each.refused if each.kind == "first" else ():
            refused.add_row(each.crm, *(plain(row[name], longest=40) for name in ("row", "field", "value", "reason")))
    rows = sum(each.counts["fetched"] for each in outcome.synced)
    checks = checks_view(outcome.checks, verdict=f"{rows:,} rows of three CRMs, each person one lead.")
    return Group("", syncs, "", refused, "", checks)


def syncs_data(outcome: SyncsOutcome) -> dict[str, object]:
    """The same for programs."""
    return {
        "synced": [
            {
                "crm": each.crm,
                "kind": each.kind,
                "seconds": round(each.seconds, 3),
                "counts": dict(each.counts),
                "refused": [dict(row) for row in each.refused],
            }
            for each in outcome.synced
        ],
        **checks_data(outcome.checks),
    }
