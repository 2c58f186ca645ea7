import pytest

from libs.simulators.google_sheets import a1
from libs.simulators.google_sheets.a1 import Grid

GRIDS = [Grid(title="Leads", rows=1000, columns=26), Grid(title="It's a backup", rows=50, columns=30)]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Leads", "Leads!A1:Z1000"),
        ("'Leads'", "Leads!A1:Z1000"),
        ("'It''s a backup'", "'It''s a backup'!A1:AD50"),
        ("Leads!A2:H100", "Leads!A2:H100"),
        ("A2:H100", "Leads!A2:H100"),
        ("Leads!A:H", "Leads!A1:H1000"),
        ("Leads!5:7", "Leads!A5:Z7"),
        ("Leads!B2:D", "Leads!B2:D1000"),
        ("Leads!B7", "Leads!B7"),
        ("leads!b7", None),
        ("Leads!$B$7:$c$9", "Leads!B7:C9"),
        ("Leads!H100:A2", "Leads!A2:H100"),
        ("Leads!A990:ZZ2000", "Leads!A990:Z1000"),
        ("Leads!A1000:A1000", "Leads!A1000"),
    ],
)
def test_a_range_is_read_and_written_as_the_api_does(text: str, written: str | None) -> None:
    if written is None:
        with pytest.raises(a1.UnreadableRange):
            a1.parse(text, GRIDS)
    else:
        assert a1.parse(text, GRIDS).written() == written


@pytest.mark.parametrize(
    "text", ["", "Nobody!A1", "Leads!", "Leads!1A", "Leads!A", "Leads!A0", "Leads!A1:", "Leads!A1:B2:C3"]
)
def test_what_is_no_range_of_these_sheets_is_unreadable(text: str) -> None:
    with pytest.raises(a1.UnreadableRange):
        a1.parse(text, GRIDS)


@pytest.mark.parametrize("text", ["Leads!A1001:B1002", "Leads!AA1", "Leads!1001:1002"])
def test_a_range_that_begins_beyond_the_grid_is_outside(text: str) -> None:
    with pytest.raises(a1.OutsideGrid):
        a1.parse(text, GRIDS)


@pytest.mark.parametrize(
    ("column", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (701, "ZZ"), (702, "AAA")]
)
def test_columns_have_letters_and_back(column: int, letters: str) -> None:
    assert a1.letters(column) == letters
    assert a1.number(letters) == column
