"""Every fault of the CRMs' stand-ins, what one attempt at a run does about it, and the page that tells.

``python -m tests.integration.sync.fault_table`` writes docs/reference/sync-faults.md. Each row is a case of
``test_faults.py``, run against each of the three stand-ins.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from libs.common.integrations.model import Provider
from libs.simulators.crm.service import ProviderFault
from libs.simulators.faults import NetworkFault

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "sync-faults.md"

HUBSPOT, SALESFORCE, SHEETS = Provider


class Outcome(StrEnum):
    """What one attempt came to."""

    COMPLETED = "completed"
    NOT_NOW = "not now"
    """The worker is free for others, and the job comes back at the provider's time."""
    RETRYABLE = "retryable"
    NEEDS_ATTENTION = "needs attention"
    """A person has to do something; nothing is tried again."""


@dataclass(frozen=True)
class Case:
    """A fault, how many calls meet it (``None`` for all), and what comes of it."""

    fault: NetworkFault | ProviderFault
    count: int | None
    outcome: Outcome
    seconds: float = 0.0
    only: Provider | None = None

    def __str__(self) -> str:
        times = "for ever" if self.count is None else f"{self.count}x"
        wait = f" {self.seconds:g}s" if self.seconds else ""
        return f"{self.fault} {times}{wait}{f' ({self.only})' if self.only else ''}"


NET, SAYS, OUT = NetworkFault, ProviderFault, Outcome

TABLE = [
    # What passes is tried again in place, and the run never stops.
    Case(NET.RESET, 1, OUT.COMPLETED),
    Case(NET.HANG, 1, OUT.COMPLETED),
    Case(NET.SLOW, 1, OUT.COMPLETED, seconds=0.3),
    Case(NET.SLOW_ANSWER, 1, OUT.COMPLETED, seconds=0.3),
    Case(NET.TRUNCATED, 1, OUT.COMPLETED),
    Case(NET.ANSWER_LOST, 1, OUT.COMPLETED),
    Case(NET.DOWN, 1, OUT.COMPLETED, seconds=0.1),
    Case(NET.HTTP_502, 2, OUT.COMPLETED),
    Case(NET.HTTP_503, 1, OUT.COMPLETED),
    Case(NET.HTTP_503, 1, OUT.COMPLETED, seconds=1),
    Case(NET.HTTP_504, 1, OUT.COMPLETED),
    Case(NET.HTTP_520, 1, OUT.COMPLETED),
    Case(NET.HTTP_524, 1, OUT.COMPLETED),
    Case(NET.HTTP_530, 1, OUT.COMPLETED),
    Case(SAYS.INTERNAL, 1, OUT.COMPLETED),
    Case(SAYS.UNAVAILABLE, 1, OUT.COMPLETED),
    Case(SAYS.UNAVAILABLE, 1, OUT.COMPLETED, seconds=1),
    Case(SAYS.HTML_OK, 1, OUT.COMPLETED),
    Case(SAYS.MALFORMED, 1, OUT.COMPLETED),
    Case(SAYS.EMPTY, 1, OUT.COMPLETED),
    # A short limit is waited for in place, a long one gives the worker back.
    Case(NET.HTTP_429, 1, OUT.COMPLETED, seconds=1),
    Case(SAYS.RATE_LIMITED, 1, OUT.COMPLETED, seconds=1),
    Case(SAYS.RATE_LIMITED, 1, OUT.NOT_NOW, seconds=30),
    Case(SAYS.RATE_LIMITED, 1, OUT.NOT_NOW, only=HUBSPOT),
    Case(SAYS.RATE_LIMITED, 1, OUT.COMPLETED, only=SALESFORCE),  # too many at once: soon over
    Case(SAYS.RATE_LIMITED, 1, OUT.NOT_NOW, only=SHEETS),
    Case(SAYS.DAILY_LIMIT, None, OUT.NOT_NOW),
    Case(NET.HTTP_503, None, OUT.NOT_NOW, seconds=30),
    Case(SAYS.UNAVAILABLE, None, OUT.NOT_NOW, seconds=30),
    # An access token is renewed once.
    Case(SAYS.UNAUTHORIZED, 1, OUT.COMPLETED),
    Case(SAYS.EXPIRED_TOKEN, 1, OUT.COMPLETED),
    Case(SAYS.UNAUTHORIZED, None, OUT.NEEDS_ATTENTION),
    # What only a person can mend.
    Case(SAYS.FORBIDDEN, 1, OUT.NEEDS_ATTENTION),
    Case(SAYS.NOT_FOUND, 1, OUT.NEEDS_ATTENTION),
    # What does not pass while it is tried again in place.
    Case(NET.RESET, None, OUT.RETRYABLE),
    Case(NET.DOWN, None, OUT.RETRYABLE),
    Case(SAYS.INTERNAL, None, OUT.RETRYABLE),
    Case(SAYS.HTML_OK, None, OUT.RETRYABLE),
]

EVERY_CASE = [(provider, case) for provider in Provider for case in TABLE if case.only in (None, provider)]

MEANS = {
    NET.RESET: "the connection is reset",
    NET.HANG: "no answer ever comes",
    NET.SLOW: "the answer is late",
    NET.SLOW_ANSWER: "the work is done, the answer is late",
    NET.TRUNCATED: "the connection ends in the middle of the answer",
    NET.ANSWER_LOST: "the work is done, the connection ends without an answer",
    NET.DOWN: "connections are refused",
    NET.HTTP_429: "429 of a proxy",
    NET.HTTP_502: "502 of a proxy",
    NET.HTTP_503: "503 of a proxy",
    NET.HTTP_504: "504 of a proxy",
    NET.HTTP_520: "520 of a proxy",
    NET.HTTP_524: "524 of a proxy",
    NET.HTTP_530: "530 of a proxy",
    SAYS.UNAUTHORIZED: "the access token is not accepted",
    SAYS.EXPIRED_TOKEN: "the access token has expired",
    SAYS.FORBIDDEN: "the credentials may not read this",
    SAYS.NOT_FOUND: "what is read does not exist",
    SAYS.RATE_LIMITED: "too many calls, in the CRM's own words",
    SAYS.DAILY_LIMIT: "the day's calls are used up",
    SAYS.INTERNAL: "the CRM fails",
    SAYS.UNAVAILABLE: "the CRM is being maintained",
    SAYS.HTML_OK: "a login page with status 200",
    SAYS.MALFORMED: "the answer's body stops in the middle",
    SAYS.EMPTY: "the answer has no body",
}
"""What each fault is, for a person."""

DOES = {
    OUT.COMPLETED: "asks again in place, with a new token where it needs one; completes, each row once",
    OUT.NOT_NOW: "gives the worker back; goes on at its checkpoint at the CRM's time, and makes no call before",
    OUT.RETRYABLE: "counts a failed attempt; goes on at its checkpoint after a backoff",
    OUT.NEEDS_ATTENTION: "ends; the integration says what a person has to do, and nothing is tried again",
}
"""What the run does, for a person."""


_INTRODUCTION = """\
# What a sync does about a CRM's faults

Written by `python -m tests.integration.sync.fault_table` from the table that `test_faults.py` runs: each row against
the stand-ins of all three CRMs, or of the one that is named. *Wait* is what `Retry-After` says, or for how long the
fault lasts. Every case also checks that no call came before the time that the CRM asked for.

Whatever happens, pages that were written stay written. A run that has come further since its worker took it counts no
failed attempt: it rests for half a minute and goes on.

"""


def page() -> str:
    """The page as it should be."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield from _INTRODUCTION.splitlines()
    yield "| fault | calls that meet it | wait | only | the run |"
    yield "| --- | --- | --- | --- | --- |"
    for case in TABLE:
        times = "all" if case.count is None else str(case.count)
        wait = f"{case.seconds:g} s" if case.seconds else ""
        yield f"| {MEANS[case.fault]} | {times} | {wait} | {case.only or ''} | {DOES[case.outcome]} |"


if __name__ == "__main__":
    PAGE.write_text(page())
