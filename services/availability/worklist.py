"""What is left to ask for a set of leads: phone before email, each distinct handle once. Pure.

Leads go in with their contacts as written; handles to ask come out. Answers to handles go in; answers for leads come
out. Leads that share a handle share its answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bson import ObjectId

from libs.common.handles import normal_email, normal_phone
from libs.common.providers.checking import AvailabilityAnswer
from libs.common.stores.leads import AvailabilityStatus, LeadAnswer, LeadContact
from services.availability.outcomes import InvalidReason


@dataclass(frozen=True, slots=True)
class HandleAnswer:
    """What a line said of a handle."""

    handle: str
    line_id: str | None
    answer: AvailabilityAnswer


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A lead that waits for the answer to a handle.

    Args:
        lead_id: the lead.
        next_handle: what to ask if the handle is not available.
        before: the answer to the handle asked before this one.
    """

    lead_id: ObjectId
    next_handle: str | None = None
    before: HandleAnswer | None = None


class Worklist:
    """The open questions of a set of leads.

    Args:
        leads: the leads; those that have an answer for this run are not asked about again, and what their answers say
            of a handle is used for others.
        region: where national phone numbers are read.
    """

    def __init__(self, leads: Iterable[LeadContact], *, region: str) -> None:
        self._waiting: dict[str, list[_Waiting]] = {}
        self._known: dict[str, HandleAnswer] = {}
        self._to_ask: list[str] = []
        self._finished: list[LeadAnswer] = []
        self.answered_before: list[LeadAnswer] = []
        open_leads = []
        for lead in leads:
            if lead.answer is None:
                open_leads.append(lead)
            else:
                self.answered_before.append(lead.answer)
                self._learn_from(lead.answer)
        for lead in open_leads:
            self._start(lead, region)

    @property
    def done(self) -> bool:
        """Whether every lead is answered."""
        return not self._waiting

    def take_to_ask(self) -> list[str]:
        """The handles to ask now that have not been given out before."""
        taken, self._to_ask = self._to_ask, []
        return taken

    def take_finished(self) -> list[LeadAnswer]:
        """The answers for leads that are final and have not been given out before."""
        taken, self._finished = self._finished, []
        return taken

    def answered(self, handle: str, line_id: str, answer: AvailabilityAnswer) -> None:
        """A line answered."""
        known = self._known[handle] = HandleAnswer(handle, line_id, answer)
        for lead in self._waiting.pop(handle, ()):
            self._go_on(lead, known)

    def given_up(self, handle: str, reason: str) -> None:
        """No line could answer; the leads that wait for the handle are unknown.

        Args:
            handle: the handle.
            reason: why, as it is stored.
        """
        for lead in self._waiting.pop(handle, ()):
            self._finished.append(
                LeadAnswer(lead_id=lead.lead_id, status=AvailabilityStatus.UNKNOWN, handle=handle, reason=reason)
            )

    def give_up_all(self, reason: str) -> None:
        """Nothing can be asked; every lead that is still open is unknown."""
        self._to_ask = []
        for handle in list(self._waiting):
            self.given_up(handle, reason)

    def _start(self, lead: LeadContact, region: str) -> None:
        phone = normal_phone(lead.phone, region=region) if lead.phone else None
        email = normal_email(lead.email) if lead.email else None
        if phone:
            self._wait_for(phone, _Waiting(lead.lead_id, next_handle=email))
        elif email:
            self._wait_for(email, _Waiting(lead.lead_id))
        else:
            self._finished.append(
                LeadAnswer(lead_id=lead.lead_id, status=AvailabilityStatus.INVALID, reason=_why_invalid(lead))
            )

    def _wait_for(self, handle: str, lead: _Waiting) -> None:
        if known := self._known.get(handle):
            self._go_on(lead, known)
        elif waiting := self._waiting.get(handle):
            waiting.append(lead)
        else:
            self._waiting[handle] = [lead]
            self._to_ask.append(handle)

    def _go_on(self, lead: _Waiting, known: HandleAnswer) -> None:
        if known.answer.available:
            self._finish(lead, AvailabilityStatus.AVAILABLE, known)
        elif lead.next_handle:
            self._wait_for(lead.next_handle, _Waiting(lead.lead_id, before=known))
        else:
            # The first handle, the phone where there is one, is what a lead that cannot be reached is shown with.
            self._finish(lead, AvailabilityStatus.UNAVAILABLE, lead.before or known)

    def _finish(self, lead: _Waiting, status: AvailabilityStatus, by: HandleAnswer) -> None:
        self._finished.append(
            LeadAnswer(
                lead_id=lead.lead_id,
                status=status,
                service=by.answer.service,
                handle=by.handle,
                line_id=by.line_id,
            )
        )

    def _learn_from(self, answer: LeadAnswer) -> None:
        if answer.handle and answer.status in (AvailabilityStatus.AVAILABLE, AvailabilityStatus.UNAVAILABLE):
            available = answer.status is AvailabilityStatus.AVAILABLE
            self._known[answer.handle] = HandleAnswer(
                answer.handle, answer.line_id, AvailabilityAnswer(available=available, service=answer.service)
            )


def _why_invalid(lead: LeadContact) -> str:
    if lead.phone:
        return InvalidReason.INVALID_PHONE.value
    return InvalidReason.INVALID_EMAIL.value if lead.email else InvalidReason.NO_CONTACT.value
