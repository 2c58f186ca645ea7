"""What is asked of a job's payload beyond its shape, per job type, before the job is accepted."""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from libs.common.errors import InvalidInput
from libs.common.jobs.bulk_availability import DIRECT_LEADS, BulkAvailability


class Admission(Protocol):
    """The rules of one job type at the door."""

    def admit(self, payload: Any) -> Any:
        """The payload as it is accepted.

        Raises:
            InvalidInput: it cannot be, naming the field.
            StoreUnavailable: MongoDB, which knows, is away.
        """
        ...

    def runs_at_once(self, payload: Any) -> bool:
        """Whether an admitted payload is so small that the answer is given in the request."""
        ...


class LeadDirectory(Protocol):
    """Knows which leads there are."""

    def has_any(self, workspace_id: str, lead_ids: Sequence[str]) -> bool:
        """Whether at least one of these leads is in the workspace."""
        ...


class BulkAvailabilityAdmission:
    """Each lead once, at least one of them known, a handful answered at once.

    Args:
        leads: knows which leads there are.
    """

    def __init__(self, leads: LeadDirectory) -> None:
        self._leads = leads

    def admit(self, payload: BulkAvailability) -> BulkAvailability:
        """The payload with each lead once, in the order of their first mention; ids are compared as MongoDB does.

        A few unknown ids among known ones are the run's to report.
        """
        lead_ids = list(dict.fromkeys(map(str.lower, payload.lead_ids)))
        if not self._leads.has_any(payload.workspace_id, lead_ids):
            raise InvalidInput("data.leadIds", f"none of these leads is in workspace {payload.workspace_id!r}")
        return msgspec.structs.replace(payload, lead_ids=lead_ids)

    def runs_at_once(self, payload: BulkAvailability) -> bool:
        """Whether there are few enough leads."""
        return len(payload.lead_ids) <= DIRECT_LEADS
