"""What came of a run, counted from what is stored: the truth, whatever the live counts said."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bson import ObjectId

from libs.common.offload import Offload
from libs.common.stores.leads import AvailabilityStatus, LeadStore, RunTally
from services.availability.outcomes import CHECKED, NOT_CHECKED, all_counts
from services.availability.planning import distinct

BATCH = 10_000
MOST_NAMED = 100


class Summarizer:
    """Counts runs.

    Args:
        leads: reads the answers.
        offload: where that runs.
    """

    def __init__(self, leads: LeadStore, offload: Offload) -> None:
        self._leads = leads
        self._offload = offload

    async def summarize(
        self, workspace_id: str, lead_ids: Sequence[str], *, run_id: str, failed_chunks: int = 0
    ) -> dict[str, Any]:
        """The result of a run, as JSON: ``total`` leads asked for, ``checked`` and how many by outcome, ``notFound``
        and the first of them, why leads are ``unknown`` or ``invalid``, the seconds from the first answer to the last.

        Args:
            workspace_id: whose leads.
            lead_ids: all of the run; repeats count once.
            run_id: the run.
            failed_chunks: parts of it that became dead letters. Their leads without an answer count as unknown, but
                nothing is stored for them, so that running such a part again asks for them.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        ids = await self._offload.run(distinct, lead_ids)
        tallies: list[RunTally] = []
        missing: list[ObjectId] = []
        for start in range(0, len(ids), BATCH):
            batch = [ObjectId(lead_id) for lead_id in ids[start : start + BATCH]]
            tally = await self._offload.run(self._leads.tally, workspace_id, batch, run_id=run_id)
            tallies.append(tally)
            if tally.found < len(batch) and len(missing) < MOST_NAMED:
                missing += await self._offload.run(self._leads.missing, workspace_id, batch)
        return summary_of(tallies, total=len(ids), missing=missing[:MOST_NAMED], failed_chunks=failed_chunks)


def summary_of(
    tallies: Sequence[RunTally], *, total: int, missing: Sequence[ObjectId], failed_chunks: int
) -> dict[str, Any]:
    """The result of a run whose leads were counted in parts. Pure."""
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for tally in tallies:
        for (status, reason), leads in tally.answers.items():
            counts[status.value] += leads
            if reason:
                reasons[reason] += leads
    found = sum(tally.found for tally in tallies)
    unanswered = found - counts.total()
    if unanswered > 0:
        counts[AvailabilityStatus.UNKNOWN.value] += unanswered
        reasons[NOT_CHECKED] = unanswered
    counts[CHECKED] = found
    result: dict[str, Any] = {"total": total, **all_counts(counts), "notFound": total - found}
    if missing:
        result["notFoundIds"] = [str(lead_id) for lead_id in missing]
    if reasons:
        result["reasons"] = dict(sorted(reasons.items()))
    if failed_chunks:
        result["failedChunks"] = failed_chunks
    result["seconds"] = _seconds(
        [tally.first_at for tally in tallies if tally.first_at], [tally.last_at for tally in tallies if tally.last_at]
    )
    return result


def _seconds(firsts: Sequence[datetime], lasts: Sequence[datetime]) -> float:
    return round((max(lasts) - min(firsts)).total_seconds(), 1) if firsts and lasts else 0.0
