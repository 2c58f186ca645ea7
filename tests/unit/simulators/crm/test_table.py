import pytest

from libs.simulators.crm.people import TIDY, People
from libs.simulators.crm.table import Stamps, Table

STAMPS = Stamps(first_ms=1000, step_ms=10, rows_per_stamp=2)


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def table(rows: int = 10, *, lag: float = 0.0, clock: Clock | None = None) -> Table:
    return Table(People(1, TIDY), rows, stamps=STAMPS, lag=lag, monotonic=clock or Clock())


def test_untouched_rows_have_ascending_stamps_that_several_share() -> None:
    rows = table(6)
    assert [rows.row(index).modified_ms for index in range(6)] == [1000, 1000, 1010, 1010, 1020, 1020]


def test_a_touched_row_has_another_name_and_its_new_stamp_and_keeps_when_it_was_made() -> None:
    rows = table()
    before = rows.row(4)
    rows.touch([4], 5000)
    after = rows.row(4)
    assert after.modified_ms == 5000
    assert after.person.last_name != before.person.last_name
    assert after.created_ms == before.created_ms
    assert rows.row(5).modified_ms == 1020


def test_each_touch_changes_a_row_again() -> None:
    rows = table()
    names = []
    for stamp in (5000, 6000, 7000):
        rows.touch([4], stamp)
        names.append(rows.row(4).person.last_name)
    assert len(set(names)) == 3


def test_a_row_can_be_edited_by_hand_and_stays_edited_when_touched() -> None:
    rows = table()
    rows.edit(4, 5000, email="new@example.com", mailbox="new@example.com")
    rows.touch([4], 6000)
    row = rows.row(4)
    assert (row.person.email, row.person.mailbox, row.modified_ms) == ("new@example.com", "new@example.com", 6000)


def test_a_deleted_row_can_come_back() -> None:
    rows = table()
    rows.delete([4], 5000)
    assert rows.row(4).deleted
    assert rows.layer.deleted() == [4]
    rows.restore([4], 6000)
    assert not rows.row(4).deleted
    assert rows.row(4).modified_ms == 6000


def test_appended_rows_come_last_and_are_made_when_they_are_appended() -> None:
    rows = table(10)
    assert rows.append(3, 5000) == range(10, 13)
    assert len(rows) == 13
    assert (rows.row(12).created_ms, rows.row(12).modified_ms) == (5000, 5000)


@pytest.mark.parametrize("index", [-1, 10])
def test_there_is_no_row_beyond_the_ends(index: int) -> None:
    with pytest.raises(IndexError, match="rows are 0 to 9"):
        table(10).touch([index], 5000)


def test_a_layer_does_not_change_after_it_was_taken() -> None:
    rows = table()
    layer = rows.layer
    rows.touch([4], 5000)
    rows.append(1, 5000)
    assert rows.row(4, layer).modified_ms == 1020
    assert layer.size == 10


def test_the_delayed_state_follows_after_the_lag() -> None:
    clock = Clock()
    rows = table(lag=2.0, clock=clock)
    rows.touch([4], 5000)
    clock.now = 1.9
    assert rows.row(4, rows.delayed).modified_ms == 1020
    clock.now = 2.0
    assert rows.row(4, rows.delayed).modified_ms == 5000


def test_each_change_reaches_the_delayed_state_at_its_own_time() -> None:
    clock = Clock()
    rows = table(lag=2.0, clock=clock)
    rows.touch([1], 5000)
    clock.now = 1.0
    rows.delete([2], 6000)
    clock.now = 2.5
    assert rows.row(1, rows.delayed).modified_ms == 5000
    assert not rows.row(2, rows.delayed).deleted
    clock.now = 3.0
    assert rows.row(2, rows.delayed).deleted


def test_the_first_row_at_or_after_a_stamp_is_found_by_counting() -> None:
    for stamp in range(980, 1060):
        found = STAMPS.first_at_or_after(stamp)
        assert STAMPS.of(found) >= stamp
        assert found == 0 or STAMPS.of(found - 1) < stamp
