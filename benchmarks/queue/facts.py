"""Each row's unit, and what we want of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

OURS = "tuco-jobs"
"""Our own name among the peers."""


class Goal(Protocol):
    """What is wanted of our number."""

    @property
    def words(self) -> str:
        """The goal, for the table."""
        ...

    def met(self, value: float, ratio: float | None, ours: Mapping[str, float]) -> bool | None:
        """Whether it is reached; ``None`` where that cannot be told.

        Args:
            value: our number.
            ratio: our number divided by BullMQ's.
            ours: all our numbers by row.
        """
        ...


@dataclass(frozen=True, slots=True)
class AtLeastTimesBullmq:
    """So many times as much as BullMQ in the same run."""

    times: float

    @property
    def words(self) -> str:
        """The goal, for the table."""
        return f"≥ {self.times:g} x BullMQ"

    def met(self, value: float, ratio: float | None, ours: Mapping[str, float]) -> bool | None:  # noqa: ARG002
        """Whether it is reached."""
        return None if ratio is None else ratio >= self.times


@dataclass(frozen=True, slots=True)
class AtMost:
    """No more than so much."""

    most: float

    @property
    def words(self) -> str:
        """The goal, for the table."""
        return f"≤ {self.most:g}"

    def met(self, value: float, ratio: float | None, ours: Mapping[str, float]) -> bool | None:  # noqa: ARG002
        """Whether it is reached."""
        return value <= self.most


@dataclass(frozen=True, slots=True)
class AsFastAs:
    """Within a tenth of another row, so that what a job costs does not grow."""

    row: str

    @property
    def words(self) -> str:
        """The goal, for the table."""
        return f"≥ 0.9 x {self.row}"

    def met(self, value: float, ratio: float | None, ours: Mapping[str, float]) -> bool | None:  # noqa: ARG002
        """Whether it is reached."""
        return value >= 0.9 * ours[self.row] if self.row in ours else None


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of a row before it is measured.

    Args:
        unit: of its numbers.
        goal: what is wanted of ours.
    """

    unit: str
    goal: Goal | None = None


FACTS: Mapping[str, Fact] = {
    "enqueue_one": Fact("jobs/s", AtLeastTimesBullmq(1.2)),
    "enqueue_bulk": Fact("jobs/s", AtLeastTimesBullmq(2.5)),
    "drain_1": Fact("jobs/s", AtLeastTimesBullmq(1.2)),
    "drain_3": Fact("jobs/s", AtLeastTimesBullmq(2)),
    "pickup_p50_ms": Fact("ms", AtMost(1)),
    "pickup_p99_ms": Fact("ms", AtMost(5)),
    "pickup_max_ms": Fact("ms", AtMost(15)),
    "io_20ms_async": Fact("jobs/s"),
    "recovery_s": Fact("s", AtMost(15)),
    "idle_worker_memory_mb": Fact("MB"),
    "redis_bytes_per_waiting_job": Fact("bytes"),
    "backlog_10k": Fact("jobs/s"),
    "backlog_10k_fill_s": Fact("s"),
    "backlog_1m": Fact("jobs/s", AsFastAs("backlog_10k")),
    "backlog_1m_fill_s": Fact("s"),
    "backlog_10m": Fact("jobs/s", AsFastAs("backlog_10k")),
    "backlog_10m_fill_s": Fact("s"),
    "groups_1": Fact("jobs/s"),
    "groups_100": Fact("jobs/s", AsFastAs("groups_1")),
    "groups_10000": Fact("jobs/s", AsFastAs("groups_1")),
}
"""Every row, in the table's order."""
