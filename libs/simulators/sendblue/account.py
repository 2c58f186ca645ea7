"""The account: its keys, its lines, and what happened on them."""

import datetime as dt
import hashlib
import random

import msgspec

from libs.simulators.calls import CallLog
from libs.simulators.deliveries import DeliveryLog
from libs.simulators.faults import FaultPlan
from libs.simulators.limits import SlidingWindow
from libs.simulators.reachability import AvailabilityRule
from libs.simulators.sendblue.clock import Clock
from libs.simulators.sendblue.contacts import NewContacts
from libs.simulators.sendblue.faults import applies
from libs.simulators.sendblue.messages import MessageStore
from libs.simulators.sendblue.settings import AccountSettings, Settings

ACCOUNT_EMAIL = "account@example.com"


class Line:
    """One of the account's telephone numbers.

    Attributes:
        contacts: its new contacts.
        queued: how many accepted messages have not gone out yet.
        free_at: when, on the event loop's clock, it can send the next one.

    Args:
        number: its place, from 1; it is named ``line-<number>``.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"line-{number}"
        self.phone = f"+1512555{100 + number:04}"
        self.contacts = NewContacts()
        self.queued = 0
        self.free_at = 0.0
        self._accepted: SlidingWindow | None = None

    def accepts(self, per_second: int | None) -> bool:
        """Count a message against what the line takes in a second."""
        if per_second is None:
            return True
        if self._accepted is None or self._accepted.calls != per_second:
            self._accepted = SlidingWindow(per_second, 1.0)
        return self._accepted.wait_s() == 0.0


class Account:
    """Everything that tests may look at, and all that the calls work on.

    Attributes:
        calls: every call that arrived.
        deliveries: every message that went out.
        faults: what was asked to go wrong, and how often it did.
        availability: who can be reached by iMessage, with exceptions to set.
        messages: all messages, sent and received.
        clock: the simulator's time.
        opted_out: the numbers that want no messages.
        lines: the account's numbers, in order.

    Args:
        settings: how the simulator was started.
    """

    def __init__(self, settings: Settings) -> None:
        self.calls = CallLog()
        self.deliveries = DeliveryLog()
        self.faults = FaultPlan(seed=settings.seed, applies=applies)
        self.availability = AvailabilityRule(seed=settings.seed, ratio=settings.available_ratio)
        self.messages = MessageStore(seed=settings.seed)
        self.clock = Clock()
        self.opted_out: set[str] = set()
        self.settings = msgspec.structs.replace(settings.account)
        self.api_key_id = settings.api_key_id or _derived(settings.seed, "key")
        self.api_secret_key = settings.api_secret_key or _derived(settings.seed, "secret")
        self.lines = [Line(number) for number in range(1, settings.lines + 1)]
        self._random = random.Random(f"{settings.seed}:jitter")  # noqa: S311 - repeatable on purpose, guards nothing
        self._calls_window: SlidingWindow | None = None
        self._lists_window: SlidingWindow | None = None

    def now(self) -> dt.datetime:
        """The simulator's time, in UTC."""
        return self.clock.now()

    def line_of(self, phone: str) -> Line | None:
        """The line with a telephone number."""
        return next((line for line in self.lines if line.phone == phone), None)

    def change(self, changes: dict[str, object]) -> None:
        """Change some settings.

        Args:
            changes: field names of :class:`AccountSettings` with their new values.

        Raises:
            msgspec.ValidationError: a name is unknown or a value is of a wrong type.
        """
        self.settings = msgspec.convert({**msgspec.structs.asdict(self.settings), **changes}, AccountSettings)
        self._calls_window = self._lists_window = None

    def delay_s(self) -> float:
        """How long this call is to take, in seconds."""
        settings = self.settings
        jitter = self._random.random() * settings.jitter_ms if settings.jitter_ms else 0.0
        return (settings.latency_ms + jitter) / 1000

    def throttled_s(self) -> float:
        """Count a call against the proxy's limit; above it, how many seconds the caller should wait, else 0.0."""
        if self.settings.calls_per_second is None:
            return 0.0
        if self._calls_window is None:
            self._calls_window = SlidingWindow(self.settings.calls_per_second, 1.0)
        return self._calls_window.wait_s()

    def may_list(self) -> bool:
        """Count a reading of the message list against its limit."""
        if self.settings.lists_per_10_seconds is None:
            return True
        if self._lists_window is None:
            self._lists_window = SlidingWindow(self.settings.lists_per_10_seconds, 10.0)
        return self._lists_window.wait_s() == 0.0


def _derived(seed: int, purpose: str) -> str:
    return hashlib.blake2b(f"{seed}:{purpose}".encode(), digest_size=16).hexdigest()
