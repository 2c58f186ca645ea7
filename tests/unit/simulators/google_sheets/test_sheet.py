from libs.simulators.crm.people import TIDY, People
from libs.simulators.crm.table import Table
from libs.simulators.google_sheets.a1 import parse
from libs.simulators.google_sheets.sheet import Cell, Sheet


def sheet(rows: int = 20, columns: tuple[str, ...] = ("ID", "Phone", "Score"), *, blank_every: int = 0) -> Sheet:
    return Sheet("Leads", 0, Table(People(1, TIDY), rows), columns, blank_every=blank_every)


def column(shown: Sheet, text: str = "Leads!A1:A") -> list[str | None]:
    return [row[0].shown if row and row[0] else None for row in shown.cells(parse(text, [shown.grid]))]


def ids(*indexes: int) -> list[str]:
    return [f"L-{index + 1:07d}" for index in indexes]


def test_the_header_comes_first_and_one_row_follows_per_person() -> None:
    assert column(sheet(3)) == ["ID", *ids(0, 1, 2)]


def test_the_grid_has_empty_rows_below_the_data() -> None:
    shown = sheet(3)
    assert shown.grid.rows > 4
    assert column(shown, "Leads!A5:A6") == []


def test_everyone_below_a_deleted_row_moves_up() -> None:
    shown = sheet(6)
    assert shown.table is not None
    shown.table.delete([1, 2], 5000)
    assert column(shown) == ["ID", *ids(0, 3, 4, 5)]
    assert shown.index_at(3) == 3
    assert shown.index_at(6) is None


def test_appended_people_stand_at_the_end() -> None:
    shown = sheet(2)
    assert shown.table is not None
    shown.table.append(1, 5000)
    assert column(shown) == ["ID", *ids(0, 1, 2)]


def test_another_order_shows_the_same_people_once_each() -> None:
    shown = sheet(20)
    before = column(shown)
    shown.reorder(7)
    after = column(shown)
    assert after != before
    assert sorted(after[1:], key=str) == before[1:]


def test_blank_rows_stand_in_the_middle_of_the_data() -> None:
    assert column(sheet(6, blank_every=3)) == ["ID", *ids(0, 1), None, *ids(3, 4), None]


def test_a_number_that_was_typed_without_signs_is_a_number_cell() -> None:
    shown = sheet(200)
    cells = [row[1] for row in shown.cells(parse("Leads!A2:C", [shown.grid]))]
    numbers = [cell for cell in cells if cell and isinstance(cell.stored, int)]
    assert numbers
    assert all(cell.shown == str(cell.stored) for cell in numbers)


def test_a_share_shows_as_a_percentage_and_is_stored_as_a_fraction() -> None:
    shown = sheet(1)
    score = shown.table.row(0).person.score if shown.table else 0
    assert shown.cells(parse("Leads!C2", [shown.grid])) == [[Cell(f"{score}.0%", score / 100)]]
