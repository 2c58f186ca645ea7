"""Conditions on rows: the part that an index answers, and the part that needs each row."""

from collections.abc import Callable

import msgspec

from libs.simulators.crm.ordering import Bounds, Order, Selection
from libs.simulators.crm.table import Layer, Row, Table

Test = Callable[[Row], bool]


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """What must hold of a row: its stamp and position lie within bounds, and every test says so."""

    bounds: Bounds = Bounds()
    tests: tuple[Test, ...] = ()

    def holds(self, row: Row) -> bool:
        """Tell whether a row fits."""
        return self.bounds.holds(row.modified_ms, row.index) and all(test(row) for test in self.tests)

    def both(self, other: "Condition") -> "Condition":
        """Return the condition that holds where this one and another do."""
        return Condition(bounds=self.bounds.both(other.bounds), tests=(*self.tests, *other.tests))


def select(
    table: Table,
    layer: Layer,
    alternatives: tuple[Condition, ...],
    *,
    order: Order,
    include_deleted: bool = False,
) -> Selection:
    """Return the rows of a layer for which any of the alternatives holds, in order.

    Walks over all rows within the bounds where an alternative has a test.
    """

    def keep(index: int) -> bool:
        row = table.row(index, layer)
        return any(condition.holds(row) for condition in alternatives)

    return Selection(
        layer,
        tuple(condition.bounds for condition in alternatives),
        order=order,
        include_deleted=include_deleted,
        keep=keep if any(condition.tests for condition in alternatives) else None,
    )
