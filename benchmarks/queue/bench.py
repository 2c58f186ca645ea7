"""Goes through the plan, round by round, peer after peer, and collects numbers."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from benchmarks.queue.plan import Entry
from benchmarks.queue.processes import Contestant, PeerFailedError
from benchmarks.queue.results import Sample
from benchmarks.queue.rows import Numbers, Setting

Tell = Callable[[str, Contestant, Numbers], None]
"""Told of each measurement as it ends: the round in words, the peer, its numbers."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A measurement that came to nothing.

    Args:
        entry: the measurement.
        peer: of whom.
        reason: what happened.
    """

    entry: str
    peer: str
    reason: str


class Bench:
    """One run.

    Args:
        setting: where it takes place.
        contestants: the peers.
        tell: told of each measurement.
    """

    def __init__(self, setting: Setting, contestants: Sequence[Contestant], *, tell: Tell) -> None:
        self._setting = setting
        self._contestants = contestants
        self._tell = tell
        self.samples: list[Sample] = []
        self.failures: list[Failure] = []

    def run(self, entries: Sequence[Entry], *, rounds: int) -> None:
        """Measures everything, so that what disturbs the machine for a while meets all peers alike.

        Args:
            entries: the measurements.
            rounds: how often; each round begins with another peer.
        """
        for number in range(1, rounds + 1):
            for entry in entries:
                if number <= entry.rounds:
                    self._measure(entry, number, f"round {number} of {min(rounds, entry.rounds)}")

    def _measure(self, entry: Entry, number: int, words: str) -> None:
        peers = [peer for peer in self._contestants if _takes_part(peer, entry)]
        turn = number % len(peers) if peers else 0
        in_turn = peers[turn:] + peers[:turn]
        self._setting.redis.empty()
        if entry.side_by_side:
            with ThreadPoolExecutor(len(in_turn) or 1) as pool:
                for peer, numbers in zip(in_turn, pool.map(lambda peer: self._try(entry, peer), in_turn), strict=True):
                    self._keep(words, peer, numbers)
            return
        for peer in in_turn:
            self._keep(words, peer, self._try(entry, peer))
            self._setting.redis.empty()

    def _try(self, entry: Entry, peer: Contestant) -> Numbers:
        try:
            return entry.measure(peer, self._setting)
        except (PeerFailedError, ValueError) as error:
            self.failures.append(Failure(entry.name, peer.name, str(error)))
            return {}

    def _keep(self, words: str, peer: Contestant, numbers: Numbers) -> None:
        self.samples += [Sample(row, peer.name, value) for row, value in numbers.items()]
        if numbers:
            self._tell(words, peer, numbers)


def _takes_part(peer: Contestant, entry: Entry) -> bool:
    return (not entry.only or peer.name in entry.only) and (not peer.only or entry.name in peer.only)
