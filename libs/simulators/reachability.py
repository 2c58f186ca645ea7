"""Which addresses can be reached by iMessage: a rule that anyone can compute, and exceptions to it."""

import enum
import hashlib


class Reachability(enum.StrEnum):
    """What the simulated iMessage knows about an address."""

    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"
    UNDETERMINED = "undetermined"
    """iMessage gives no answer for this address, and the server answers 500 ``Server Error``."""


class AvailabilityRule:
    """Decides by a hash of seed and address, the same on every line and in every run.

    Args:
        seed: another seed makes other addresses reachable.
        ratio: the share of addresses that are reachable, 0 to 1.
    """

    def __init__(self, *, seed: int, ratio: float) -> None:
        self.seed = seed
        self.ratio = ratio
        self.exceptions: dict[str, Reachability] = {}

    def of(self, address: str) -> Reachability:
        """Whether a (normalised) address is reachable."""
        exception = self.exceptions.get(address)
        if exception is not None:
            return exception
        digest = hashlib.blake2b(f"{self.seed}:{address}".encode(), digest_size=8).digest()
        share = int.from_bytes(digest, "big") / 2**64
        return Reachability.AVAILABLE if share < self.ratio else Reachability.UNAVAILABLE
