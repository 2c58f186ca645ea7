"""The ledger of a fault run: what was accepted against what really happened, and how long it took."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bson import ObjectId

from libs.common.stores.collections import LEADS, MESSAGES
from tests.chaos.work import Accepted
from tests.chaos.world import World

_REFERENCE = "tuco-"
_SEND = "chat/new"
_AVAILABILITY = "handle/availability/imessage"
_SHOWN = 5
_ANSWERED = ("available", "unavailable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What happened, as seen from outside.

    Args:
        deliveries: when each message went out (seconds since 1970), by its id, as often as it did.
        answers: when each lead's answer was stored, by the lead's id.
        uncertain: messages that are parked for a person.
        calls: questions and sends that the provider got.
        asked_again: questions about a handle that it had been asked about before.
    """

    deliveries: Mapping[str, Sequence[float]]
    answers: Mapping[str, float]
    uncertain: frozenset[str] = frozenset()
    calls: int = 0
    asked_again: int = 0

    def effects(self) -> list[float]:
        """When something happened, in order."""
        return sorted([*(at for times in self.deliveries.values() for at in times), *self.answers.values()])


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a fault cost.

    Args:
        accepted: effects that were promised: a message each, a lead each.
        effects: effects that happened.
        lost: promised, and neither happened nor parked.
        repeated: deliveries beyond a message's first.
        phantom: happened, and never promised.
        parked: messages left to a person, because nobody can know whether they went out.
        attempts: calls that the provider got.
        asked_again: of these, repeated questions, which are allowed for the chunks that a crash interrupts.
        recovery_s: from an injury to the effect of what was accepted before it and had none: p50, p99, longest.
        longest_gap_s: the longest time without any effect while some were owed.
    """

    accepted: int
    effects: int
    lost: int
    repeated: int
    phantom: int
    parked: int
    attempts: int
    asked_again: int
    recovery_s: tuple[float, float, float]
    longest_gap_s: float

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, repeated or made up."""
        return self.lost == self.repeated == self.phantom == 0


def tally(accepted: Accepted, observed: Observed, injuries: Sequence[float]) -> Tally:
    """Compare what was promised with what happened. Pure.

    Args:
        accepted: what was promised.
        observed: what happened.
        injuries: when something was done to the installation, in seconds since 1970.
    """
    gone, answers = observed.deliveries, observed.answers
    lost_messages = accepted.messages.keys() - gone.keys() - observed.uncertain
    lost_leads = accepted.leads.keys() - answers.keys()
    effects = observed.effects()
    promised = accepted.messages | accepted.leads
    first = {message: min(times) for message, times in gone.items()} | dict(answers)
    waits = sorted(
        first[each] - injury
        for injury in injuries
        for each, at in promised.items()
        if at <= injury and first.get(each, 0.0) > injury
    )
    began = min(promised.values(), default=0.0)
    moments = [began, *(at for at in effects if at > began)]
    return Tally(
        accepted=accepted.total,
        effects=len(effects),
        lost=len(lost_messages) + len(lost_leads),
        repeated=sum(len(times) - 1 for times in gone.values()),
        phantom=len(gone.keys() - accepted.messages.keys()) + len(answers.keys() - accepted.leads.keys()),
        parked=len(observed.uncertain),
        attempts=observed.calls,
        asked_again=observed.asked_again,
        recovery_s=(_share(waits, 0.5), _share(waits, 0.99), _share(waits, 1.0)),
        longest_gap_s=max((later - earlier for earlier, later in pairwise(moments)), default=0.0),
    )


def observe(world: World) -> Observed:
    """Count at the simulator and in MongoDB."""
    deliveries: dict[str, list[float]] = {}
    for each in world.deliveries():
        deliveries.setdefault(each["reference"].removeprefix(_REFERENCE), []).append(each["at"])
    answered = world.database[LEADS].find(
        {"availability.status": {"$in": list(_ANSWERED)}}, {"availability.checkedAt": True}
    )
    uncertain = world.database[MESSAGES].find({"status": "uncertain"}, {"_id": True})
    asked: Counter[str] = Counter(world.ask_simulator("/keys", endpoint=_AVAILABILITY)["keys"])
    sends = sum(world.ask_simulator("/keys", endpoint=_SEND)["keys"].values())
    return Observed(
        deliveries=deliveries,
        answers={str(lead["_id"]): lead["availability"]["checkedAt"].timestamp() for lead in answered},
        uncertain=frozenset(str(message["_id"]) for message in uncertain),
        calls=asked.total() + sends,
        asked_again=sum(times - 1 for times in asked.values()),
    )


def unfinished(world: World, accepted: Accepted) -> int:
    """How many promised effects have neither happened nor been given up."""
    ended = {"status": {"$in": ["sent", "delivered", "failed", "uncertain", "cancelled"]}}
    messages = world.database[MESSAGES].count_documents(_among(accepted.messages) | ended)
    leads = world.database[LEADS].count_documents(_among(accepted.leads) | {"availability.status": {"$exists": True}})
    return accepted.total - messages - leads


def _among(ids: Mapping[str, float]) -> dict[str, object]:
    return {"_id": {"$in": [ObjectId(each) for each in list(ids)]}}


def _share(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def doubtful(world: World) -> list[str]:
    """What a test that fails shows: repeated deliveries, leads without an answer, messages that did not go out."""
    gone = world.deliveries()
    times = Counter(each["reference"] for each in gone)
    repeated = [f"{each['at']:.3f} {each['target']} {each}" for each in gone if times[each["reference"]] > 1]
    leads = world.database[LEADS].find({"availability.status": {"$nin": list(_ANSWERED)}}).limit(_SHOWN)
    messages = world.database[MESSAGES].find({"status": {"$nin": ["sent", "delivered"]}}).limit(_SHOWN)
    return repeated + [str(each) for found in (leads, messages) for each in found]
