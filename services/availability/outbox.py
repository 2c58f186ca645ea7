"""Answers on their way to the store: in slices, none of them waiting for long."""

from collections.abc import Callable, Sequence
from typing import Protocol

from bson import ObjectId

from libs.common.stores.leads import LeadAnswer, LeadContact
from services.availability.request import Report, Request

_LONGEST_UNSTORED_S = 1.0


class Leads(Protocol):
    """The leads, without blocking the event loop."""

    async def contacts(self, workspace_id: str, lead_ids: Sequence[ObjectId], run_id: str) -> list[LeadContact]:
        """See :meth:`libs.common.stores.leads.LeadStore.contacts`."""
        ...

    async def store_answers(self, workspace_id: str, answers: Sequence[LeadAnswer], run_id: str) -> None:
        """See :meth:`libs.common.stores.leads.LeadStore.store_answers`."""
        ...


class Outbox:
    """The answers of one check.

    Args:
        leads: where they go.
        request: what is checked.
        report: learns the answers that are stored.
        slice_size: so many are stored at once.
        clock_s: a monotonic clock, in seconds.
    """

    def __init__(
        self, leads: Leads, request: Request, report: Report, slice_size: int, clock_s: Callable[[], float]
    ) -> None:
        self._leads = leads
        self._request = request
        self._report = report
        self._slice_size = slice_size
        self._clock_s = clock_s
        self._unstored: list[LeadAnswer] = []
        self._since_s = 0.0

    def add(self, answers: list[LeadAnswer]) -> None:
        """Takes answers."""
        if answers and not self._unstored:
            self._since_s = self._clock_s()
        self._unstored += answers

    async def store_what_is_due(self) -> None:
        """Stores what there is if that is a slice, or has waited for long.

        Raises:
            StoreUnavailable: MongoDB is away; the answers are kept for another try.
        """
        late = self._unstored and self._clock_s() - self._since_s >= _LONGEST_UNSTORED_S
        if late or len(self._unstored) >= self._slice_size:
            await self.store_all()

    async def store_all(self) -> None:
        """Stores what there is.

        Raises:
            StoreUnavailable: MongoDB is away; the answers are kept for another try.
        """
        if self._unstored:
            await self._leads.store_answers(self._request.workspace_id, self._unstored, self._request.run_id)
            self._report.answers += self._unstored
            self._unstored = []
