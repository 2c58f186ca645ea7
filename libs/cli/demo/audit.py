"""Whether the numbers add up: the leads in MongoDB and the provider's counts against what must be. Pure.

A *repeat* is a call about a handle that the provider had been asked about before in the run. A crash may cost repeats
for the leads of the chunks that the killed process held at that moment: what it had asked and could not store. No other
repeat is allowed.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from libs.cli.demo.people import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What MongoDB holds of a lead's availability.

    Args:
        status: the outcome; empty where there is none.
        run_id: the run that found it out.
        handle: the handle that decided.
    """

    status: str = ""
    run_id: str = ""
    handle: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known of a run from outside.

    Args:
        job_id: the run's job.
        people: the leads as they were made up, in the order of ``answers``.
        answers: what MongoDB holds of each.
        stored: how many leads MongoDB holds in all.
        reported: the job's own result: how many leads by outcome.
        calls: how often the provider was asked about each handle, by its own count.
        in_hand: the handles of the chunks that the killed process held.
        unfinished: jobs left in the queue, in any state but finished.
        dead: dead letters in the queue.
    """

    job_id: str
    people: Sequence[Person]
    answers: Sequence[Answer]
    stored: int
    reported: Mapping[str, int]
    calls: Mapping[str, int]
    in_hand: Set[str] = field(default_factory=frozenset)
    unfinished: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that must hold.

    Args:
        claim: what, for a person.
        expected: the number that it should be.
        found: the number that it is.
    """

    claim: str
    expected: int
    found: int

    @property
    def holds(self) -> bool:
        """Whether it holds."""
        return self.expected == self.found


def must_be_asked(people: Sequence[Person], reachable: Callable[[str], bool]) -> set[str]:
    """The handles that a run has to ask about: every phone, and the emails of leads that no phone reaches.

    Args:
        people: the leads.
        reachable: what the provider knows of a handle.
    """
    phones = {person.phone for person in people if person.phone}
    emails = {person.email for person in people if person.email and not (person.phone and reachable(person.phone))}
    return phones | emails


def must_be(person: Person, reachable: Callable[[str], bool]) -> str:
    """The outcome that a lead has to have."""
    handles = [handle for handle in (person.phone, person.email) if handle]
    if not handles:
        return "invalid"
    return "available" if any(reachable(handle) for handle in handles) else "unavailable"


def repeats_of(calls: Mapping[str, int]) -> dict[str, int]:
    """How often each handle was asked about again, for those that were."""
    return {handle: count - 1 for handle, count in calls.items() if count > 1}


def outcomes_of(answers: Sequence[Answer]) -> Counter[str]:
    """How many leads have each outcome."""
    return Counter(answer.status or "none" for answer in answers)


def audit(evidence: Evidence, reachable: Callable[[str], bool]) -> list[Check]:
    """Everything that must hold after a run.

    Args:
        evidence: what is known of it.
        reachable: what the provider knows of a handle.
    """
    total = len(evidence.people)
    outcomes = outcomes_of(evidence.answers)
    pairs = list(zip(evidence.people, evidence.answers, strict=True))
    repeats = repeats_of(evidence.calls)
    outside = sum(count for handle, count in repeats.items() if handle not in evidence.in_hand)
    asked, wanted = set(evidence.calls), must_be_asked(evidence.people, reachable)
    return [
        Check(claim="leads in MongoDB", expected=total, found=evidence.stored),
        Check(
            claim="leads with exactly one answer, of this run",
            expected=total,
            found=sum(bool(answer.status) and answer.run_id == evidence.job_id for answer in evidence.answers),
        ),
        Check(
            claim="leads whose answer is what the provider knows",
            expected=total,
            found=sum(answer.status == must_be(person, reachable) for person, answer in pairs),
        ),
        *(
            Check(claim=f"{outcome} leads as the job counted them", expected=outcomes[outcome], found=number)
            for outcome, number in sorted(evidence.reported.items())
            if outcome in _OUTCOMES
        ),
        Check(
            claim="leads in the job's result, over all outcomes",
            expected=total,
            found=sum(number for outcome, number in evidence.reported.items() if outcome in _OUTCOMES),
        ),
        Check(claim="handles that had to be asked about and were", expected=len(wanted), found=len(wanted & asked)),
        Check(claim="handles asked about in vain", expected=0, found=len(asked - wanted)),
        Check(claim="repeated calls outside the chunks in hand at the kill", expected=0, found=outside),
        Check(claim="jobs left in the queue", expected=0, found=evidence.unfinished),
        Check(claim="dead letters", expected=0, found=evidence.dead),
    ]


_OUTCOMES = frozenset({"available", "unavailable", "unknown", "invalid"})
