"""Pages of a table in the order of its change stamps or of its ids, found without walking the table.

Untouched rows ascend in stamp and id alike, so a condition on either selects runs of positions. Changed and appended
rows are few and sorted on their own. A page is cut out of the merge of the two by counting, so the last page of a
million rows costs what the first one does.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from libs.simulators.crm.table import Layer, count_between

END: Final = 1 << 62
"""Later than any stamp, greater than any position."""


class Order(StrEnum):
    """By what a selection ascends."""

    STAMP = "stamp"
    INDEX = "index"


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """A range of stamps and a range of positions, both ends included, that a row must be within."""

    stamp_low: int = -END
    stamp_high: int = END
    index_low: int = 0
    index_high: int = END

    def holds(self, stamp: int, index: int) -> bool:
        """Tell whether a row is within."""
        return self.stamp_low <= stamp <= self.stamp_high and self.index_low <= index <= self.index_high

    def both(self, other: "Bounds") -> "Bounds":
        """Return what is within this one and another."""
        return Bounds(
            stamp_low=max(self.stamp_low, other.stamp_low),
            stamp_high=min(self.stamp_high, other.stamp_high),
            index_low=max(self.index_low, other.index_low),
            index_high=min(self.index_high, other.index_high),
        )


class Selection:
    """The rows of a layer that lie within any of several bounds, in order.

    Args:
        layer: the state of the table.
        bounds: alternatives; a row within one of them is selected.
        order: what the selection ascends by; rows of one stamp ascend by position.
        include_deleted: whether deleted rows count.
        keep: a further test of a position, which costs a walk over everything within the bounds.

    """

    def __init__(
        self,
        layer: Layer,
        bounds: Sequence[Bounds] = (Bounds(),),
        *,
        order: Order = Order.INDEX,
        include_deleted: bool = False,
        keep: Callable[[int], bool] | None = None,
    ) -> None:
        self._layer = layer
        self._order = order
        self._runs = _runs(layer, bounds)
        self._before_run = [0]
        for low, high in self._runs:
            self._before_run.append(self._before_run[-1] + high - low - count_between(layer.changed, low, high))
        self._edited = sorted(
            ((change.modified_ms if order is Order.STAMP else 0), index)
            for index, change in layer.changes.items()
            if (include_deleted or not change.deleted)
            and any(bound.holds(change.modified_ms, index) for bound in bounds)
        )
        self._kept: list[int] | None = None
        if keep is not None:
            self._kept = [index for index in self._merged(0) if keep(index)]

    @property
    def total(self) -> int:
        """How many rows are selected."""
        if self._kept is not None:
            return len(self._kept)
        return self._before_run[-1] + len(self._edited)

    def page(self, offset: int, limit: int, *, descending: bool = False) -> list[int]:
        """Return the positions of the rows from `offset` on, at most `limit` of them."""
        if descending:
            end = self.total - offset
            start = max(end - limit, 0)
            return self.page(start, end - start)[::-1] if end > 0 else []
        if self._kept is not None:
            return self._kept[offset : offset + limit]
        rows = self._merged(offset)
        return [index for index, _ in zip(rows, range(limit), strict=False)]

    def _merged(self, offset: int) -> Iterator[int]:
        """Yield positions in order, from an offset on."""
        edited = bisect_left(range(len(self._edited)), offset, key=lambda at: at + self._rank(self._edited[at]))
        untouched = self._untouched(offset - edited)
        waiting = next(untouched, None)
        while waiting is not None or edited < len(self._edited):
            if edited < len(self._edited) and (waiting is None or self._edited[edited] < self._key(waiting)):
                yield self._edited[edited][1]
                edited += 1
            elif waiting is not None:
                yield waiting
                waiting = next(untouched, None)

    def _key(self, index: int) -> tuple[int, int]:
        return (self._layer.stamps.of(index) if self._order is Order.STAMP else 0), index

    def _rank(self, key: tuple[int, int]) -> int:
        """Return how many untouched selected rows come before a changed one."""
        stamp, index = key
        if self._order is Order.STAMP:
            first, after = (self._layer.stamps.first_at_or_after(moment) for moment in (stamp, stamp + 1))
            index = min(max(first, index), after)
        rank = 0
        for (low, high), before in zip(self._runs, self._before_run, strict=False):
            if index <= low:
                break
            stop = min(index, high)
            rank = before + stop - low - count_between(self._layer.changed, low, stop)
        return rank

    def _untouched(self, rank: int) -> Iterator[int]:
        """Yield the selected rows without a change, from the one of a rank on."""
        if not self._runs:
            return
        run = min(bisect_right(self._before_run, rank) - 1, len(self._runs) - 1)
        low, high = self._runs[run]
        changed = self._layer.changed
        at = bisect_left(changed, low)
        left = rank - self._before_run[run]
        skipped = bisect_left(range(len(changed) - at), True, key=lambda k: changed[at + k] - low - k > left)
        at += skipped
        index = low + left + skipped
        while True:
            while index < high:
                stop = changed[at] if at < len(changed) and changed[at] < high else high
                yield from range(index, stop)
                index = stop + 1
                at += stop < high
            run += 1
            if run >= len(self._runs):
                return
            index, high = self._runs[run]
            at = bisect_left(changed, index)


def _runs(layer: Layer, bounds: Sequence[Bounds]) -> list[tuple[int, int]]:
    """Return the runs of positions below the base that bounds select, ascending and apart, ends excluded."""
    found: list[tuple[int, int]] = []
    for bound in bounds:
        low = max(bound.index_low, layer.stamps.first_at_or_after(bound.stamp_low))
        high = min(bound.index_high + 1, layer.stamps.first_at_or_after(bound.stamp_high + 1), layer.base)
        if low < high:
            found.append((low, high))
    joined: list[tuple[int, int]] = []
    for low, high in sorted(found):
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    return joined
