"""gspread reads the cells."""

from datetime import UTC, datetime

import gspread
import pytest
from gspread.utils import Dimension, ValueRenderOption

from libs.simulators.crm.people import TIDY
from libs.simulators.google_sheets import running_google_sheets
from tests.integration.simulators.clients import sheets


def test_the_whole_sheet_has_the_header_and_a_row_per_person() -> None:
    with running_google_sheets(rows=500) as simulator:
        values = sheets(simulator).open_by_key(simulator.spreadsheet_id).sheet1.get_all_values()
        assert len(values) == 501
        assert values[0][:4] == ["ID", "Name", "Email", "Phone"]
        assert [row[0] for row in values[1:]] == [f"L-{number:07d}" for number in range(1, 501)]


def test_windows_of_rows_give_everyone_once() -> None:
    with running_google_sheets(rows=500) as simulator:
        client = sheets(simulator).http_client
        found: list[str] = []
        for top in range(2, 502, 120):
            page = client.values_get(simulator.spreadsheet_id, f"Leads!A{top}:L{top + 119}")
            found += [row[0] for row in page["values"]]
        assert found == [f"L-{number:07d}" for number in range(1, 501)]
        assert simulator.calls.repeated("values.get") == {}


def test_a_window_that_ends_beyond_the_grid_is_cut_and_one_that_begins_there_is_refused() -> None:
    with running_google_sheets(rows=500) as simulator:
        client = sheets(simulator).http_client
        last = client.values_get(simulator.spreadsheet_id, "Leads!A482:L1481")
        assert last["range"] == "Leads!A482:L601"
        assert len(last["values"]) == 20
        below = client.values_get(simulator.spreadsheet_id, "Leads!A550:L560")
        assert below == {"range": "Leads!A550:L560", "majorDimension": "ROWS"}
        with pytest.raises(gspread.exceptions.APIError, match=r"exceeds grid limits. Max rows: 601, max columns: 26"):
            client.values_get(simulator.spreadsheet_id, "Leads!A602:L701")


def test_trailing_empty_cells_and_rows_are_left_out_and_those_between_are_not() -> None:
    with running_google_sheets(rows=8, shape=TIDY, columns=("ID", "City", "Notes"), blank_every=4) as simulator:
        page = sheets(simulator).http_client.values_get(simulator.spreadsheet_id, "Leads!A2:C")
        table = simulator.people
        expected: list[list[str]] = []
        for index in range(8):
            person = table.row(index).person
            row = [] if index % 4 == 3 else [f"L-{index + 1:07d}", person.city or "", person.notes or ""]
            while row and row[-1] == "":
                row.pop()
            expected.append(row)
        assert expected.pop() == []
        assert page["values"] == expected


def test_values_are_shown_text_unless_asked_for_as_they_are() -> None:
    with running_google_sheets(rows=1, shape=TIDY, columns=("Score", "Subscribed", "Added")) as simulator:
        sheet = sheets(simulator).open_by_key(simulator.spreadsheet_id).sheet1
        person = simulator.people.row(0).person
        assert sheet.get("A2:C2") == [[f"{person.score}.0%", str(person.subscribed).upper(), "12/2/2023"]]
        unformatted = sheet.get("A2:C2", value_render_option=ValueRenderOption.unformatted)
        assert unformatted == [[person.score / 100, person.subscribed, 45_262]]


def test_columns_can_be_the_lines() -> None:
    with running_google_sheets(rows=3) as simulator:
        sheet = sheets(simulator).open_by_key(simulator.spreadsheet_id).sheet1
        assert sheet.get("A1:A4", major_dimension=Dimension.cols) == [["ID", "L-0000001", "L-0000002", "L-0000003"]]


def test_several_ranges_come_in_one_call() -> None:
    with running_google_sheets(rows=10) as simulator:
        sheet = sheets(simulator).open_by_key(simulator.spreadsheet_id).sheet1
        header, row = sheet.batch_get(["A1:B1", "A3"])
        assert (header, row) == ([["ID", "Name"]], [["L-0000002"]])
        assert simulator.calls.total(endpoint="values.batchGet") == 1


def test_a_sheet_whose_title_needs_quotes_can_be_read() -> None:
    with running_google_sheets(rows=10) as simulator:
        book = sheets(simulator).open_by_key(simulator.spreadsheet_id)
        assert [sheet.title for sheet in book.worksheets()] == ["Leads", "It's a backup"]
        assert book.worksheet("It's a backup").get_all_values()[0][0] == "ID"
        assert len(book.worksheet("It's a backup").get_all_values()) == 1


def test_the_grid_is_larger_than_the_data() -> None:
    with running_google_sheets(rows=10) as simulator:
        sheet = sheets(simulator).open_by_key(simulator.spreadsheet_id).sheet1
        assert (sheet.row_count, sheet.col_count, sheet.id) == (111, 26, 0)


@pytest.mark.parametrize("text", ["Nobody!A1:B2", "Leads!1A", "Leads!A:B:C"])
def test_a_range_that_cannot_be_read_is_refused(text: str) -> None:
    with running_google_sheets(rows=1) as simulator:
        with pytest.raises(gspread.exceptions.APIError, match="Unable to parse range") as raised:
            sheets(simulator).http_client.values_get(simulator.spreadsheet_id, text)
        assert (raised.value.code, raised.value.error["status"]) == (400, "INVALID_ARGUMENT")


def test_changed_deleted_and_new_people_show_at_once() -> None:
    with running_google_sheets(rows=5, columns=("ID", "Last name"), shape=TIDY) as simulator:
        sheet = sheets(simulator).open_by_key(simulator.spreadsheet_id).sheet1
        before = sheet.get("A2:B")
        simulator.touch([1])
        simulator.delete([0, 3])
        simulator.append(1)
        after = sheet.get("A2:B")
        assert [row[0] for row in after] == ["L-0000002", "L-0000003", "L-0000005", "L-0000006"]
        assert after[0][1] != before[1][1]
        assert after[1] == before[2]


def test_the_drive_tells_when_the_file_last_changed() -> None:
    with running_google_sheets(rows=5) as simulator:
        client = sheets(simulator)
        assert client.get_file_drive_metadata(simulator.spreadsheet_id)["modifiedTime"] == "2024-01-01T00:00:00.000Z"
        simulator.touch([1], at=datetime(2025, 5, 1, 12, tzinfo=UTC))
        assert client.get_file_drive_metadata(simulator.spreadsheet_id)["modifiedTime"] == "2025-05-01T12:00:00.000Z"
