"""A table of generated people with edits on top: touched, edited, deleted and appended rows, each with its stamp.

The rows that nobody edited are computed from their position. Their change stamps ascend with the position, in steps,
with several rows to a stamp as after an import. Only edited and appended rows take memory.

A `Layer` is one state of the edits. `Table.layer` is the state now; `Table.delayed` is the state as an index sees it
that is some time behind, which is how HubSpot's search lags its lists.

All times are whole milliseconds since 1970 in UTC.
"""

import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from libs.simulators.crm.people import People, Person

FIRST_STAMP_MS: Final = 1_704_067_200_000
"""2024-01-01T00:00:00Z: when the first row was last changed."""

_AGE_MS: Final = 30 * 24 * 3600 * 1000
"""An untouched row was made this long before it was last changed, so creation ascends with the position too."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """The latest edit of a row: its revision, its stamps and what was set by hand."""

    revision: int
    modified_ms: int
    created_ms: int | None = None
    deleted: bool = False
    values: Mapping[str, str | None] = {}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row as it stands: the person, when it was made and last changed, and whether it was deleted."""

    index: int
    person: Person
    created_ms: int
    modified_ms: int
    deleted: bool


class Stamps(msgspec.Struct, frozen=True, kw_only=True):
    """The change stamps of the rows that nobody edited.

    Row `i` was last changed at `first_ms + (i // rows_per_stamp) * step_ms`.
    """

    first_ms: int = FIRST_STAMP_MS
    step_ms: int = 977
    rows_per_stamp: int = 3

    def of(self, index: int) -> int:
        """Return the stamp of an untouched row."""
        return self.first_ms + index // self.rows_per_stamp * self.step_ms

    def first_at_or_after(self, stamp_ms: int) -> int:
        """Return the lowest position whose stamp is not before `stamp_ms` (there may be no such row)."""
        if stamp_ms <= self.first_ms:
            return 0
        return -((self.first_ms - stamp_ms) // self.step_ms) * self.rows_per_stamp


class Layer:
    """One state of a table's edits; never changed once made, so a reader may keep it for as long as it likes.

    Attributes:
        base: how many rows the table began with; these have a generated stamp until they are changed.
        size: how many rows there are, deleted and appended ones included.
        changes: the latest change of each row that has one.
        changed: the positions below `base` that have one, ascending.

    """

    def __init__(self, base: int, stamps: Stamps, changes: Mapping[int, Change] | None = None) -> None:
        self.base = base
        self.stamps = stamps
        self.changes: Mapping[int, Change] = changes or {}
        self.changed = sorted(index for index in self.changes if index < base)
        self.size = max(base, max(self.changes, default=-1) + 1)

    def with_changes(self, changes: Mapping[int, Change]) -> "Layer":
        """Return a layer with further changes on top."""
        return Layer(self.base, self.stamps, {**self.changes, **changes})

    def modified_ms(self, index: int) -> int:
        """Return when a row was last changed."""
        change = self.changes.get(index)
        return self.stamps.of(index) if change is None else change.modified_ms

    def is_deleted(self, index: int) -> bool:
        """Tell whether a row was deleted."""
        change = self.changes.get(index)
        return change is not None and change.deleted

    def deleted(self) -> list[int]:
        """Return the positions of all deleted rows, ascending."""
        return sorted(index for index, change in self.changes.items() if change.deleted)


class Table:
    """Generated people with edits on top. Safe to edit from one thread while another reads.

    Args:
        people: where the rows come from.
        rows: how many there are at first.
        stamps: their change stamps.
        lag: how far, in seconds, `delayed` is behind.
        monotonic: seconds from a clock that does not jump, for `lag`.

    """

    def __init__(
        self,
        people: People,
        rows: int,
        *,
        stamps: Stamps | None = None,
        lag: float = 0.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.people = people
        self.stamps = stamps or Stamps()
        self.lag = lag
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._layer = Layer(rows, self.stamps)
        self._delayed = Layer(rows, self.stamps)
        self._pending: deque[tuple[float, Mapping[int, Change]]] = deque()

    @property
    def layer(self) -> Layer:
        """The state now."""
        return self._layer

    @property
    def delayed(self) -> Layer:
        """The state as it was `lag` seconds ago."""
        with self._lock:
            now = self._monotonic()
            while self._pending and self._pending[0][0] <= now:
                self._delayed = self._delayed.with_changes(self._pending.popleft()[1])
            return self._delayed

    def __len__(self) -> int:
        """Return the number of rows, deleted ones included."""
        return self.layer.size

    def row(self, index: int, layer: Layer | None = None) -> Row:
        """Return a row as it stands in a layer (by default now)."""
        change = (layer or self._layer).changes.get(index)
        stamp = self.stamps.of(index)
        made = stamp - _AGE_MS
        if change is None:
            person = self.people.person(index)
            return Row(index=index, person=person, created_ms=made, modified_ms=stamp, deleted=False)
        return Row(
            index=index,
            person=msgspec.structs.replace(self.people.person(index, change.revision), **change.values),
            created_ms=made if change.created_ms is None else change.created_ms,
            modified_ms=change.modified_ms,
            deleted=change.deleted,
        )

    def touch(self, indexes: Iterable[int], at_ms: int) -> None:
        """Change rows in a way that a reader sees (the last name, for one) and stamp them."""
        with self._lock:
            self._apply(
                {
                    index: msgspec.structs.replace(before, revision=before.revision + 1, modified_ms=at_ms)
                    for index, before in self._before(indexes)
                }
            )

    def edit(self, index: int, at_ms: int, **values: str | None) -> None:
        """Set fields of one row by hand, by their names in `Person`, and stamp it.

        A new `email` or `phone` is worth what `mailbox` and `e164` say, so pass those too where it matters.
        """
        with self._lock:
            self._apply(
                {
                    index: msgspec.structs.replace(before, modified_ms=at_ms, values={**before.values, **values})
                    for index, before in self._before([index])
                }
            )

    def delete(self, indexes: Iterable[int], at_ms: int) -> None:
        """Delete rows and stamp them."""
        self._mark(indexes, at_ms, deleted=True)

    def restore(self, indexes: Iterable[int], at_ms: int) -> None:
        """Bring deleted rows back and stamp them."""
        self._mark(indexes, at_ms, deleted=False)

    def append(self, count: int, at_ms: int) -> range:
        """Add new rows at the end, made and stamped at `at_ms`; return their positions."""
        with self._lock:
            start = self._layer.size
            added = range(start, start + count)
            self._apply({index: Change(revision=0, modified_ms=at_ms, created_ms=at_ms) for index in added})
            return added

    def _mark(self, indexes: Iterable[int], at_ms: int, *, deleted: bool) -> None:
        with self._lock:
            self._apply(
                {
                    index: msgspec.structs.replace(before, deleted=deleted, modified_ms=at_ms)
                    for index, before in self._before(indexes)
                }
            )

    def _before(self, indexes: Iterable[int]) -> Iterable[tuple[int, Change]]:
        for index in indexes:
            if not 0 <= index < self._layer.size:
                raise IndexError(f"there is no row {index}: rows are 0 to {self._layer.size - 1}")
            yield index, self._layer.changes.get(index) or Change(revision=0, modified_ms=0)

    def _apply(self, changes: Mapping[int, Change]) -> None:
        self._layer = self._layer.with_changes(changes)
        self._pending.append((self._monotonic() + self.lag, changes))


def count_between(ascending: list[int], low: int, high: int) -> int:
    """Return how many numbers of an ascending list are in `low <= n < high`."""
    return bisect_left(ascending, high) - bisect_left(ascending, low)
