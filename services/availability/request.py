"""What a check is asked, by which rules it goes, and what it reports."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from bson import ObjectId

from libs.common.stores.leads import LeadAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRules:
    """How a check goes about its work.

    Args:
        region: where national phone numbers are read.
        slice_size: so many answers are stored at once.
        horizon_s: how far ahead moments are reserved.
        longest_hold_s: after so long, what has no moment yet is left for later.
    """

    region: str
    slice_size: int = 100
    horizon_s: float = 3.0
    longest_hold_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to check.

    Args:
        workspace_id: whose leads.
        lead_ids: the leads, each once.
        run_id: marks the answers.
        last_chance: whether a handle that no line could answer about makes its leads unknown, rather than being left
            for another attempt.
        may_wait: whether what the lines' rates do not permit now is left for later, rather than being unknown.
    """

    workspace_id: str
    lead_ids: Sequence[ObjectId]
    run_id: str
    last_chance: bool = False
    may_wait: bool = True


@dataclass(slots=True)
class Report:
    """What came of it.

    Args:
        answers: of this call, and those that were stored before for the same run.
        calls: questions that went to a provider.
        back_in: when to come back for what the lines' rates did not permit.
        open_faults: handles that no line could answer about and that are worth another attempt, by reason.
        retry_in: when a line that was set aside may be asked again.
    """

    answers: list[LeadAnswer] = field(default_factory=list)
    calls: int = 0
    back_in: timedelta | None = None
    open_faults: dict[str, int] = field(default_factory=dict)
    retry_in: timedelta | None = None
