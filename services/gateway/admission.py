"""What is asked of a job's payload beyond its shape, per job type, before the job is accepted."""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from libs.common.errors import InvalidInput
from libs.common.jobs.bulk_availability import DIRECT_LEADS, BulkAvailability
from libs.common.jobs.message_processing import MessageProcessing
from services.gateway.serving.waiting import off_loop


class Admission(Protocol):
    """The rules of one job type at the door."""

    cannot_wait: bool
    """Whether such a job is run in the request while Redis is away, instead of waiting until Redis is back."""

    def admit(self, payload: Any) -> Any:
        """The payload as it is accepted.

        Raises:
            InvalidInput: it cannot be, naming the field.
            StoreUnavailable: MongoDB, which knows, is away.
        """
        ...

    def runs_at_once(self, payload: Any, /) -> bool:
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

    cannot_wait = False

    def __init__(self, leads: LeadDirectory) -> None:
        self._leads = leads

    def admit(self, payload: BulkAvailability) -> BulkAvailability:
        """The payload with each lead once, in the order of their first mention; ids are compared as MongoDB does.

        A few unknown ids among known ones are the run's to report.
        """
        lead_ids = list(dict.fromkeys(map(str.lower, payload.lead_ids)))
        if not off_loop(self._leads.has_any, payload.workspace_id, lead_ids):
            raise InvalidInput("data.leadIds", f"none of these leads is in workspace {payload.workspace_id!r}")
        return msgspec.structs.replace(payload, lead_ids=lead_ids)

    def runs_at_once(self, payload: BulkAvailability, /) -> bool:
        """Whether there are few enough leads."""
        return len(payload.lead_ids) <= DIRECT_LEADS


class MessageAdmission:
    """A message goes through its queue, and while Redis is away through the service itself.

    That is safe beside a job of the same message that Redis still holds: the message's own claim lets one of them send.
    """

    cannot_wait = True

    def admit(self, payload: MessageProcessing) -> MessageProcessing:
        """The payload as it is: the worker finds out whether there is such a message."""
        return payload

    def runs_at_once(self, _payload: MessageProcessing, /) -> bool:
        """Never, while its queue is there to pace it."""
        return False
