"""What a campaign came to, for people and for programs."""

from rich.console import Group, RenderableType
from rich.text import Text

from libs.cli.demo.campaign import CampaignOutcome
from libs.cli.demo.campaign_audit import most_in_a_minute, picture
from libs.cli.demo.checks import checks_data, checks_view
from libs.cli.output import table

_SPAN_S = 5.0


def campaign_view(outcome: CampaignOutcome) -> RenderableType:
    """A picture of the sends of each line over time, and the checks."""
    evidence = outcome.evidence
    rows, most = picture(evidence, span_s=_SPAN_S), most_in_a_minute(evidence)
    sends = table(
        "line", f"sends, a block per {_SPAN_S:g} s", "sent", "most in a minute", numbers=("sent", "most in a minute")
    )
    for line in evidence.lines:
        sent = sum(sending.line == line for sending in evidence.sendings)
        sends.add_row(line, Text(rows[line], style="cyan"), f"{sent:,}", f"{most[line]} of {evidence.per_minute}")
    checks = checks_view(
        outcome.checks, verdict=f"{evidence.due:,} messages in {outcome.seconds:.0f} s, each of them once."
    )
    return Group("", sends, "", checks)


def campaign_data(outcome: CampaignOutcome) -> dict[str, object]:
    """The same for programs."""
    evidence = outcome.evidence
    return {
        "due": evidence.due,
        "statuses": dict(evidence.statuses),
        "deliveries": len(evidence.sendings),
        "repeated": len(evidence.sendings) - len({sending.reference for sending in evidence.sendings}),
        "perLine": {line: sum(s.line == line for s in evidence.sendings) for line in evidence.lines},
        "mostInAMinute": most_in_a_minute(evidence),
        "seconds": round(outcome.seconds, 3),
        **checks_data(outcome.checks),
    }
