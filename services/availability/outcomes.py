"""A run's outcomes: the words for why a lead is invalid or unknown, and the counts that people watch. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum

from libs.common.stores.leads import AvailabilityStatus, LeadAnswer


class InvalidReason(StrEnum):
    """Why a lead has no handle that could be asked about."""

    NO_CONTACT = "no_contact"
    """Neither phone nor email."""
    INVALID_PHONE = "invalid_phone"
    """Its phone is malformed, and it has no usable email."""
    INVALID_EMAIL = "invalid_email"
    """Its email is malformed, and it has no phone."""


NO_LINE = "no_line"
"""The workspace has no active line to ask."""

LINES_BUSY = "lines_busy"
"""The workspace's lines are at their limits for longer than a request may wait."""

NOT_CHECKED = "not_checked"
"""The part of the run that held the lead failed for a reason of ours, or the lead appeared while the run was on."""

CHECKED = "checked"


def counts_of(answers: Iterable[LeadAnswer]) -> dict[str, int]:
    """How many answers, in all and per status; statuses without any are left out."""
    statuses = Counter(answer.status.value for answer in answers)
    return {CHECKED: statuses.total(), **statuses} if statuses else {}


def all_counts(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts with every status named, in a fixed order."""
    return {name: counts.get(name, 0) for name in (CHECKED, *(status.value for status in AvailabilityStatus))}
