"""Checks of a few leads that are answered in the request itself."""

from collections.abc import Mapping
from typing import Any

from bson import ObjectId

from libs.common.errors import InvalidInput
from libs.common.jobs.bulk_availability import BULK_AVAILABILITY, DIRECT_LEADS
from libs.common.stores.leads import LeadAnswer
from services.availability.checking import Checker
from services.availability.outcomes import all_counts, counts_of
from services.availability.planning import distinct
from services.availability.request import Request

NOT_FOUND = "not_found"


class DirectChecks:
    """Checks at once.

    Args:
        checker: checks; its answers are stored like a run's.
    """

    def __init__(self, checker: Checker) -> None:
        self._checker = checker

    async def run(self, job_id: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """The result: the counts that a run has, and each lead's answer in the order in which they were asked for.

        What cannot be answered now is unknown: there is no later here.

        Args:
            job_id: marks the answers.
            data: a :class:`~libs.common.jobs.bulk_availability.BulkAvailability` as it goes over the wire.

        Raises:
            InvalidInput: the payload is malformed or names too many leads.
            StoreUnavailable: MongoDB is away.
        """
        payload = BULK_AVAILABILITY.read(data)
        ids = distinct(payload.lead_ids)
        if len(ids) > DIRECT_LEADS:
            raise InvalidInput("data.leadIds", f"at most {DIRECT_LEADS} leads are checked at once, got {len(ids)}")
        report = await self._checker.check(
            Request(
                workspace_id=payload.workspace_id,
                lead_ids=[ObjectId(lead_id) for lead_id in ids],
                run_id=job_id,
                last_chance=True,
                may_wait=False,
            )
        )
        answers = {str(answer.lead_id): answer for answer in report.answers}
        asked_for = dict.fromkeys(lead_id.lower() for lead_id in payload.lead_ids)
        return {
            "total": len(ids),
            **all_counts(counts_of(report.answers)),
            "notFound": len(ids) - len(answers),
            "leads": [_shown(lead_id, answers.get(lead_id)) for lead_id in asked_for],
        }


def _shown(lead_id: str, answer: LeadAnswer | None) -> dict[str, Any]:
    if answer is None:
        return {"leadId": lead_id, "status": NOT_FOUND}
    shown: dict[str, Any] = {
        "leadId": lead_id,
        "status": answer.status.value,
        "service": answer.service.value if answer.service else None,
        "handle": answer.handle,
        "lineId": answer.line_id,
    }
    if answer.reason:
        shown["reason"] = answer.reason
    return shown
