"""What a simulated provider really sent out, so that tests can count how often each message reached its recipient."""

import time

import msgspec


class Delivery(msgspec.Struct, frozen=True):
    """One message that went out.

    Attributes:
        at: when, in seconds since 1970.
        target: by which line.
        to: to which address.
        text: with which text.
        reference: the caller's own reference, where the protocol has one.
        message_id: the provider's id of the message.
    """

    at: float
    target: str
    to: str
    text: str
    reference: str
    message_id: str


class DeliveryLog:
    """Keeps every delivery. All reading methods may be used from another thread than the one that serves."""

    def __init__(self) -> None:
        self._deliveries: list[Delivery] = []
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, *, target: str, to: str, text: str, reference: str, message_id: str) -> None:
        """Note that a message went out now."""
        self._deliveries.append(Delivery(time.time(), target, to, text, reference, message_id))
        self._counts[to, text] = self._counts.get((to, text), 0) + 1

    def clear(self) -> None:
        """Forget everything and count from zero."""
        self._deliveries = []
        self._counts = {}

    def total(self, *, target: str | None = None) -> int:
        """How many messages went out, of all lines or of one."""
        if target is None:
            return len(self._deliveries)
        return sum(1 for delivery in list(self._deliveries) if delivery.target == target)

    def count(self, to: str, text: str) -> int:
        """How often a text went out to an address."""
        return self._counts.get((to, text), 0)

    def per_message(self) -> dict[tuple[str, str], int]:
        """How often each (address, text) went out."""
        return dict(self._counts)

    def repeated(self) -> dict[tuple[str, str], int]:
        """Each (address, text) that went out more than once, with its count."""
        return {message: count for message, count in self.per_message().items() if count > 1}

    def select(
        self, *, target: str | None = None, to: str | None = None, text: str | None = None, reference: str | None = None
    ) -> list[Delivery]:
        """The deliveries that match, in their order."""
        return [
            delivery
            for delivery in list(self._deliveries)
            if target in {None, delivery.target}
            and to in {None, delivery.to}
            and text in {None, delivery.text}
            and reference in {None, delivery.reference}
        ]
