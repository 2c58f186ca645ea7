"""A simulator's own count of every call it got, so that tests can check what really went out.

The counts are exact for as long as the simulator runs; the calls themselves are kept up to a limit, the oldest leaving
first. All reading methods may be used from another thread than the one that serves.
"""

import time
from collections import deque

import msgspec

KEPT_CALLS = 1_000_000


class Call(msgspec.Struct):
    """One call, from its arrival to its answer.

    Attributes:
        at: when it arrived, in seconds since 1970.
        target: which line, account or portal was called.
        endpoint: the simulator's name for what was called.
        key: what it was about: the address asked for, the recipient of a send, the id looked up.
        reference: the caller's own reference, where the protocol has one.
        status: the HTTP status of the answer; 0 while there is none, and for ever if the connection was cut.
        fault: the fault it met, if any.
        ended_at: when it was answered or cut, in seconds since 1970; 0.0 while it is under way.
    """

    at: float
    target: str
    endpoint: str
    key: str = ""
    reference: str = ""
    status: int = 0
    fault: str = ""
    ended_at: float = 0.0


class CallLog:
    """Counts and keeps calls.

    Args:
        kept: how many calls to keep; older ones are dropped, the counts stay.
    """

    def __init__(self, *, kept: int = KEPT_CALLS) -> None:
        self._kept = kept
        self.clear()

    def clear(self) -> None:
        """Forget everything and count from zero."""
        self._calls: deque[Call] = deque(maxlen=self._kept)
        self._asked: dict[tuple[str, str], int] = {}
        self._keys: dict[tuple[str, str], int] = {}
        self._answered_keys: dict[tuple[str, str], int] = {}
        self._in_flight: dict[str, int] = {}
        self._most_in_flight: dict[str, int] = {}

    def begin(self, target: str, endpoint: str, key: str, reference: str) -> Call:
        """Note that a call arrived."""
        call = Call(time.time(), target, endpoint, key, reference)
        self._calls.append(call)
        asked = (target, endpoint)
        self._asked[asked] = self._asked.get(asked, 0) + 1
        about = (endpoint, key)
        self._keys[about] = self._keys.get(about, 0) + 1
        in_flight = self._in_flight.get(target, 0) + 1
        self._in_flight[target] = in_flight
        if in_flight > self._most_in_flight.get(target, 0):
            self._most_in_flight[target] = in_flight
        return call

    def finish(self, call: Call, status: int) -> None:
        """Note how a call ended.

        Args:
            call: what :meth:`begin` gave.
            status: the HTTP status that was answered, or 0 if the connection was cut instead.
        """
        call.status = status
        call.ended_at = time.time()
        self._in_flight[call.target] = self._in_flight.get(call.target, 1) - 1
        if status == 200:
            about = (call.endpoint, call.key)
            self._answered_keys[about] = self._answered_keys.get(about, 0) + 1

    def total(self, *, target: str | None = None, endpoint: str | None = None) -> int:
        """How many calls arrived, of all or of one target and one endpoint."""
        return sum(
            count
            for (its_target, its_endpoint), count in dict(self._asked).items()
            if target in {None, its_target} and endpoint in {None, its_endpoint}
        )

    def per_endpoint(self) -> dict[str, dict[str, int]]:
        """How many calls arrived, by target and then by endpoint."""
        counts: dict[str, dict[str, int]] = {}
        for (target, endpoint), count in dict(self._asked).items():
            counts.setdefault(target, {})[endpoint] = count
        return counts

    def per_key(self, endpoint: str, *, answered: bool = False) -> dict[str, int]:
        """How often each key was asked for at an endpoint, over all targets.

        Args:
            endpoint: the simulator's name for what was called.
            answered: count only the calls that were answered with status 200.
        """
        counts = dict(self._answered_keys if answered else self._keys)
        return {key: count for (its_endpoint, key), count in counts.items() if its_endpoint == endpoint}

    def repeated(self, endpoint: str, *, answered: bool = False) -> dict[str, int]:
        """The keys asked for more than once, with their counts. See :meth:`per_key`."""
        return {key: count for key, count in self.per_key(endpoint, answered=answered).items() if count > 1}

    def in_flight(self, target: str) -> int:
        """How many calls to a target have arrived and are not answered yet."""
        return self._in_flight.get(target, 0)

    def most_in_flight(self, target: str) -> int:
        """The most calls to a target that were ever under way at the same time."""
        return self._most_in_flight.get(target, 0)

    def most_per_second(self, target: str) -> int:
        """The most kept calls to a target that arrived within any one second."""
        window: deque[float] = deque()
        most = 0
        for call in list(self._calls):
            if call.target != target:
                continue
            window.append(call.at)
            while window[0] <= call.at - 1.0:
                window.popleft()
            most = max(most, len(window))
        return most

    def select(
        self,
        *,
        target: str | None = None,
        endpoint: str | None = None,
        key: str | None = None,
        reference: str | None = None,
    ) -> list[Call]:
        """The kept calls that match, in the order in which they arrived."""
        return [
            call
            for call in list(self._calls)
            if target in {None, call.target}
            and endpoint in {None, call.endpoint}
            and key in {None, call.key}
            and reference in {None, call.reference}
        ]
