"""Whether a campaign's numbers add up, and a picture of it. Pure."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from libs.cli.demo.audit import Check

BLOCKS = " ▁▂▃▄▅▆▇█"
"""How much went out in a span, from nothing to the most of any span."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A message that went out, by the provider's own count.

    Args:
        at: when, in seconds since 1970.
        line: through which line.
        reference: our name for the message.
    """

    at: float
    line: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignEvidence:
    """All that is known of a campaign from outside.

    Args:
        due: how many messages were due.
        statuses: what MongoDB holds of them.
        sendings: what the provider sent out.
        per_minute: how many a line may send in a minute.
        lines: the lines' names.
    """

    due: int
    statuses: Mapping[str, int]
    sendings: Sequence[Sending]
    per_minute: int
    lines: Sequence[str]


def audit_campaign(evidence: CampaignEvidence) -> list[Check]:
    """Everything that must hold."""
    times = Counter(sending.reference for sending in evidence.sendings)
    sent = evidence.statuses.get("sent", 0) + evidence.statuses.get("delivered", 0)
    above = max(most_in_a_minute(evidence).values(), default=0) - evidence.per_minute
    return [
        Check(claim="messages that MongoDB has as sent", expected=evidence.due, found=sent),
        Check(claim="messages that went out, by the provider's count", expected=evidence.due, found=len(times)),
        Check(claim="messages that went out more than once", expected=0, found=sum(n > 1 for n in times.values())),
        Check(claim="messages that wait for a person", expected=0, found=evidence.statuses.get("uncertain", 0)),
        Check(claim="messages above a line's limit in any minute", expected=0, found=max(0, above)),
    ]


def most_in_a_minute(evidence: CampaignEvidence) -> dict[str, int]:
    """The most that each line sent in any 60 seconds."""
    moments: dict[str, list[float]] = defaultdict(list)
    for sending in sorted(evidence.sendings, key=lambda one: one.at):
        moments[sending.line].append(sending.at)
    return {line: _most_within(moments[line], 60.0) for line in evidence.lines}


def picture(evidence: CampaignEvidence, *, span_s: float) -> dict[str, str]:
    """For each line a row of blocks, one per span, as high as what it sent in it."""
    if not evidence.sendings:
        return dict.fromkeys(evidence.lines, "")
    first = min(sending.at for sending in evidence.sendings)
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    for sending in evidence.sendings:
        counts[sending.line][int((sending.at - first) // span_s)] += 1
    spans = 1 + max(span for line in counts.values() for span in line)
    most = max(number for line in counts.values() for number in line.values())
    return {line: "".join(_block(counts[line][span], most) for span in range(spans)) for line in evidence.lines}


def _block(number: int, most: int) -> str:
    return BLOCKS[-(-number * (len(BLOCKS) - 1) // most)]


def _most_within(moments: Sequence[float], span_s: float) -> int:
    most = first = 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= span_s:
            first += 1
        most = max(most, last - first + 1)
    return most
