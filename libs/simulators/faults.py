"""What a simulator does wrong on demand, per target and endpoint, with a probability or a count.

A :class:`Fault` is a wish ("the next three sends of line-2 are reset"); a :class:`FaultPlan` holds the wishes and
decides for each call which one it meets. What a fault does is up to the simulator; the faults of :class:`NetworkFault`
mean the same everywhere, and ``libs.simulators.answers`` carries them out.
"""

import enum
import itertools
import random
from collections.abc import Callable

import msgspec

ANY = "*"


class NetworkFault(enum.StrEnum):
    """Faults that any HTTP service can show, whatever its protocol.

    The ``HTTP_...`` ones are a proxy's: the body is a page of HTML, and the service behind it never sees the call.
    """

    RESET = "reset"
    """The connection is reset (RST) before the service does anything."""
    HANG = "hang"
    """No answer, ever, and the service does nothing."""
    SLOW = "slow"
    """The service starts only after ``seconds``, also when the caller has given up by then."""
    SLOW_ANSWER = "slow_answer"
    """The service does its work at once and answers after ``seconds``."""
    TRUNCATED = "truncated"
    """The service does its work; the answer breaks off in the middle of its body."""
    ANSWER_LOST = "answer_lost"
    """The service does its work; the connection is reset in place of an answer."""
    DOWN = "down"
    """Connections are refused, for ``seconds`` or until it is cleared. Not per call: needs a target or all."""
    HTTP_429 = "http_429"
    HTTP_502 = "http_502"
    HTTP_503 = "http_503"
    HTTP_504 = "http_504"
    HTTP_520 = "http_520"
    HTTP_524 = "http_524"
    HTTP_530 = "http_530"


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wish for a fault.

    Attributes:
        fault: its name, one of those that the simulator knows.
        target: the line, account or portal that shows it; ``*`` for all.
        endpoint: the simulator's name of the endpoint that shows it; ``*`` for all.
        key: only calls about this address or id; ``*`` for all.
        probability: how likely a matching call meets it, 0 to 1.
        count: how many calls meet it before it ends; ``None`` for no end.
        skip: how many matching calls pass before the first can meet it.
        seconds: how long it lasts, for those faults that take time; also what ``Retry-After`` says, if above zero.
    """

    fault: str
    target: str = ANY
    endpoint: str = ANY
    key: str = ANY
    probability: float = 1.0
    count: int | None = None
    skip: int = 0
    seconds: float = 0.0


class _Pending(msgspec.Struct):
    """A wish with what is left of it."""

    number: int
    wish: Fault
    left: int | None
    to_skip: int
    met: int = 0


class PlannedFault(msgspec.Struct, frozen=True, kw_only=True):
    """A wish as the plan holds it: its number, how many calls met it and how many more will (``None``: no end)."""

    number: int
    wish: Fault
    met: int
    left: int | None


class FaultPlan:
    """The wishes in force. The first that matches a call is the one it meets.

    Args:
        seed: fixes which calls meet a fault of a probability below one.
        applies: whether a fault of this name (first) can show at this endpoint (second); by default all can at all.
    """

    def __init__(self, *, seed: int, applies: Callable[[str, str], bool] = lambda _fault, _endpoint: True) -> None:
        self._applies = applies
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose, guards nothing
        self._numbers = itertools.count(1)
        self._pending: list[_Pending] = []
        self._ended: list[_Pending] = []

    def add(self, wish: Fault) -> int:
        """Put a wish in force, behind those there are. Returns its number."""
        number = next(self._numbers)
        self._pending = [*self._pending, _Pending(number, wish, wish.count, wish.skip)]
        return number

    def clear(self, *, target: str | None = None) -> None:
        """End all wishes, or those of one target."""
        self._pending = [] if target is None else [entry for entry in self._pending if entry.wish.target != target]

    def draw(self, target: str, endpoint: str, key: str) -> Fault | None:
        """Decide which fault a call meets, and count it. To be called once per call."""
        if not self._pending:
            return None
        for entry in self._pending:
            if self._meets(entry, target, endpoint, key):
                self._use(entry)
                return entry.wish
        return None

    def planned(self) -> list[PlannedFault]:
        """All wishes there have been, ended ones too, by number."""
        entries = sorted([*self._ended, *self._pending], key=lambda entry: entry.number)
        return [PlannedFault(number=entry.number, wish=entry.wish, met=entry.met, left=entry.left) for entry in entries]

    def met(self, fault: str) -> int:
        """How many calls met a fault of this name so far."""
        return sum(entry.met for entry in [*self._ended, *self._pending] if entry.wish.fault == fault)

    def _meets(self, entry: _Pending, target: str, endpoint: str, key: str) -> bool:
        wish = entry.wish
        if wish.target not in {ANY, target} or wish.endpoint not in {ANY, endpoint} or wish.key not in {ANY, key}:
            return False
        if not self._applies(wish.fault, endpoint):
            return False
        if entry.to_skip > 0:
            entry.to_skip -= 1
            return False
        return wish.probability >= 1.0 or self._random.random() < wish.probability

    def _use(self, entry: _Pending) -> None:
        entry.met += 1
        if entry.left is None:
            return
        entry.left -= 1
        if entry.left <= 0:
            self._pending = [other for other in self._pending if other is not entry]
            self._ended.append(entry)
