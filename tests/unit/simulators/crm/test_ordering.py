import time

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.simulators.crm.ordering import END, Bounds, Order, Selection
from libs.simulators.crm.people import People
from libs.simulators.crm.table import FIRST_STAMP_MS, Stamps, Table

SMALL = Stamps(first_ms=1000, step_ms=7, rows_per_stamp=3)
stamps = st.integers(980, 1150)
positions = st.integers(0, 40)
edits = st.lists(
    st.tuples(st.sampled_from(["touch", "delete", "restore", "append"]), st.sets(positions, max_size=5), stamps),
    max_size=5,
)
bounds = st.builds(
    Bounds,
    stamp_low=st.one_of(st.just(-END), stamps),
    stamp_high=st.one_of(st.just(END), stamps),
    index_low=st.one_of(st.just(0), positions),
    index_high=st.one_of(st.just(END), positions),
)


def edited(rows: int, changes: list[tuple[str, set[int], int]]) -> Table:
    table = Table(People(1), rows, stamps=SMALL)
    for how, indexes, at in changes:
        if how == "append":
            table.append(len(indexes), at)
        else:
            getattr(table, how)([index for index in indexes if index < len(table)], at)
    return table


@settings(max_examples=300, deadline=None)
@given(
    rows=st.integers(0, 40),
    changes=edits,
    alternatives=st.lists(bounds, min_size=1, max_size=3),
    order=st.sampled_from(Order),
    include_deleted=st.booleans(),
)
def test_pages_found_by_counting_are_those_of_a_full_sort(
    rows: int,
    changes: list[tuple[str, set[int], int]],
    alternatives: list[Bounds],
    order: Order,
    include_deleted: bool,
) -> None:
    layer = edited(rows, changes).layer
    expected = [
        index
        for index in range(layer.size)
        if (include_deleted or not layer.is_deleted(index))
        and any(each.holds(layer.modified_ms(index), index) for each in alternatives)
    ]
    if order is Order.STAMP:
        expected.sort(key=lambda index: (layer.modified_ms(index), index))
    selection = Selection(layer, alternatives, order=order, include_deleted=include_deleted)
    assert selection.total == len(expected)
    for offset in range(len(expected) + 2):
        assert selection.page(offset, 4) == expected[offset : offset + 4]
        assert selection.page(offset, 4, descending=True) == expected[::-1][offset : offset + 4]


def test_a_further_test_keeps_only_what_passes_it() -> None:
    selection = Selection(edited(20, []).layer, keep=lambda index: index % 3 == 0)
    assert selection.total == 7
    assert selection.page(2, 3) == [6, 9, 12]


def test_a_page_deep_in_a_million_rows_costs_no_walk() -> None:
    table = Table(People(1), 1_000_000)
    table.touch(range(0, 1_000_000, 100), FIRST_STAMP_MS + 5_000_000)
    selection = Selection(table.layer, (Bounds(stamp_low=FIRST_STAMP_MS),), order=Order.STAMP)
    began = time.perf_counter()
    for offset in range(0, 1_000_000, 10_000):
        assert len(selection.page(offset, 200)) == 200
    # A walk to the middle of the table would take a hundred times as long.
    assert time.perf_counter() - began < 2.0
