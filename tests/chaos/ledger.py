"""The ledger of a fault run: what was accepted against what really happened, and how long it took. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.chaos.owed import Accepted, Kind, Owed


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What happened, as seen from outside.

    Args:
        happened: when each effect happened (seconds since 1970), as often as it did.
        parked: messages that are left to a person.
        calls: questions and sends that the provider got.
        asked_again: questions about a handle that it had been asked about before.
        ended_twice: jobs that ended more than once, by the queues' own word.
        until: when this was seen; what claims to have happened later, or before the first promise, has a wrong clock.
    """

    happened: Mapping[Owed, Sequence[float]]
    parked: frozenset[Owed] = frozenset()
    calls: int = 0
    asked_again: int = 0
    ended_twice: int = 0
    until: float = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a fault cost one kind of effects; the words are those of :class:`Tally`."""

    accepted: int = 0
    effects: int = 0
    lost: int = 0
    repeated: int = 0
    phantom: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a fault cost.

    Args:
        accepted: effects that were promised.
        effects: effects that happened.
        lost: promised, and neither happened nor parked.
        repeated: happened again after the first time.
        phantom: happened, and never promised.
        parked: messages left to a person, because nobody can know whether they went out.
        attempts: calls that the provider got.
        asked_again: of these, repeated questions, which are allowed for the chunks that a crash interrupts.
        ended_twice: jobs whose end was acknowledged more than once; allowed where Redis lost the first end.
        recovery_s: from an injury to the effect of what was accepted before it and had none: p50, p99, longest.
        longest_gap_s: the longest time without any effect; ticks, which are a minute apart, do not count for it.
        shares: the same counts by kind.
    """

    accepted: int
    effects: int
    lost: int
    repeated: int
    phantom: int
    parked: int
    attempts: int
    asked_again: int
    ended_twice: int
    recovery_s: tuple[float, float, float]
    longest_gap_s: float
    shares: Mapping[Kind, Share] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, repeated or made up."""
        return self.lost == self.repeated == self.phantom == 0


def tally(accepted: Accepted, observed: Observed, injuries: Sequence[float]) -> Tally:
    """Compare what was promised with what happened.

    Args:
        accepted: what was promised.
        observed: what happened.
        injuries: when something was done to the installation, in seconds since 1970.
    """
    shares = {kind: _share_of(kind, accepted, observed) for kind in Kind}
    every = list(shares.values())
    began = min((at for each, at in accepted.owed.items() if each.kind is not Kind.TICK), default=0.0)
    credible = {
        each: [at for at in times if began <= at <= observed.until] for each, times in observed.happened.items()
    }
    first = {each: min(times) for each, times in credible.items() if times}
    waits = sorted(
        first[each] - injury
        for injury in injuries
        for each, at in accepted.owed.items()
        if at <= injury and first.get(each, 0.0) > injury
    )
    moments = sorted(at for each, times in credible.items() if each.kind is not Kind.TICK for at in times)
    return Tally(
        accepted=sum(share.accepted for share in every),
        effects=sum(share.effects for share in every),
        lost=sum(share.lost for share in every),
        repeated=sum(share.repeated for share in every),
        phantom=sum(share.phantom for share in every),
        parked=len(observed.parked),
        attempts=observed.calls,
        asked_again=observed.asked_again,
        ended_twice=observed.ended_twice,
        recovery_s=(_quantile(waits, 0.5), _quantile(waits, 0.99), _quantile(waits, 1.0)),
        longest_gap_s=max((later - earlier for earlier, later in pairwise([began, *moments])), default=0.0),
        shares={kind: share for kind, share in shares.items() if share != Share()},
    )


def _share_of(kind: Kind, accepted: Accepted, observed: Observed) -> Share:
    promised = set(_of_kind(kind, accepted.owed))
    happened = {each: observed.happened[each] for each in _of_kind(kind, observed.happened)}
    return Share(
        accepted=len(promised),
        effects=sum(len(times) for times in happened.values()),
        lost=len(promised - happened.keys() - observed.parked),
        repeated=sum(len(times) - 1 for times in happened.values()),
        phantom=len(happened.keys() - promised),
    )


def _of_kind(kind: Kind, every: Iterable[Owed]) -> list[Owed]:
    return [each for each in every if each.kind is kind]


def _quantile(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0
