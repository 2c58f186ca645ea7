"""The one place that knows Redis's key names.

All keys of a queue share the hash tag ``{queue}``, so that one script may touch them in a Redis Cluster.
"""

from collections.abc import Sequence

PREFIX = "tuco"

QUEUE_KEYS = (
    "active",
    "age_index",
    "ages",
    "cancels",
    "children",
    "completed",
    "delayed",
    "events",
    "failed",
    "fifo",
    "full_at",
    "granted",
    "groups",
    "jobs",
    "leases",
    "limits",
    "logs",
    "meta",
    "overrides",
    "parked",
    "pauses",
    "prioritized",
    "progress",
    "reasons",
    "results",
    "ring",
    "running",
    "runs",
    "suspects",
    "unique",
    "unique_ends",
    "unique_next",
    "waiting_children",
    "wake",
    "weights",
)
"""What a queue keeps; the header of each shared script says what is in the keys that it owns."""


class QueueKeys:
    """The keys of one queue, by the names that the scripts use.

    Args:
        queue: the queue's name.
        prefix: what all keys of this installation start with.
    """

    def __init__(self, queue: str, *, prefix: str = PREFIX) -> None:
        self.queue = queue
        self._names = {name: f"{prefix}:{{{queue}}}:{name}".encode() for name in QUEUE_KEYS}

    def __getitem__(self, name: str) -> bytes:
        return self._names[name]

    def named(self, names: Sequence[str]) -> list[bytes]:
        """The keys of these names, in their order."""
        return [self._names[name] for name in names]

    def all(self) -> list[bytes]:
        """Every key of the queue."""
        return list(self._names.values())


def line_key(line_id: str, name: str, *, prefix: str = PREFIX) -> str:
    """A key that belongs to one line; all of a line's keys share a slot."""
    return f"{prefix}:{{line:{line_id}}}:{name}"


def workspace_key(workspace_id: str, name: str, *, prefix: str = PREFIX) -> str:
    """A key that belongs to one workspace; all of a workspace's keys share a slot."""
    return f"{prefix}:{{workspace:{workspace_id}}}:{name}"


def system_key(name: str, *, prefix: str = PREFIX) -> str:
    """A key of the whole installation."""
    return f"{prefix}:{name}"
