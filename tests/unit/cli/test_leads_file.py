"""What a CSV file says, row by row."""

import io

import pytest

from libs.cli.leads_file import LeadRow, RefusedRow, UnusableFileError, read_headings, read_leads


def rows_of(text: str, *, region: str = "US") -> list[LeadRow | RefusedRow]:
    file = io.TextIOWrapper(
        io.BytesIO(text.encode("utf-8", errors="surrogateescape")),
        encoding="utf-8-sig",
        errors="surrogateescape",
        newline="",
    )
    return list(read_leads(file, read_headings(file.readline()), region=region))


def only_row(text: str) -> LeadRow | RefusedRow:
    (row,) = rows_of(text)
    return row


def refusal(text: str) -> RefusedRow:
    row = only_row(text)
    assert isinstance(row, RefusedRow), row
    return row


def test_a_row_becomes_a_lead_with_contacts_in_their_normal_form() -> None:
    text = "firstName,lastName,email,phone\nAda, Lovelace ,Ada@Example.COM,(212) 555-0142\n"

    assert only_row(text) == LeadRow(
        number=2, first_name="Ada", last_name="Lovelace", email="ada@example.com", phone="+12125550142"
    )


@pytest.mark.parametrize(
    "headings",
    [
        "First Name,Last Name,E-mail,Phone Number",
        "first_name,surname,Email Address,Mobile",
        "GIVEN NAME;FAMILY NAME;E-MAIL;CELL PHONE",
        "fname\tlname\tmail\ttel",
        "\ufefffirstName,lastName,email,phone",
    ],
)
def test_headings_are_understood_in_most_peoples_wording(headings: str) -> None:
    delimiter = next(mark for mark in "\t;," if mark in headings)
    text = headings + "\n" + delimiter.join(["Ada", "Lovelace", "ada@example.com", "+12125550142"]) + "\n"

    assert only_row(text) == LeadRow(
        number=2, first_name="Ada", last_name="Lovelace", email="ada@example.com", phone="+12125550142"
    )


def test_columns_come_in_any_order_and_unknown_ones_are_named() -> None:
    columns = read_headings("Company,phone,Notes,email\n")

    assert columns.ignored == ["Company", "Notes"]


def test_the_second_of_two_phone_columns_is_used_where_the_first_is_empty() -> None:
    row = only_row("phone,mobile\n,+12125550142\n")

    assert isinstance(row, LeadRow)
    assert row.phone == "+12125550142"


def test_a_number_without_country_code_is_read_in_the_region() -> None:
    (row,) = rows_of("phone\n030 901820\n", region="DE")

    assert isinstance(row, LeadRow)
    assert row.phone == "+4930901820"


def test_a_row_with_a_name_alone_is_a_lead_without_contact() -> None:
    assert only_row("firstName,email\nAda,\n") == LeadRow(number=2, first_name="Ada")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Ada,,not-an-address,", "email: 'not-an-address' is no address"),
        ("Ada,,ada@,", "email"),
        ("Ada,,,hello", "phone: 'hello' is no phone number"),
        ("Ada,,,12", "phone: '12' is no phone number"),
        ("Ada,,,0151 23456789", "no phone number in US; a number from elsewhere starts with +"),
        ("Ada,,,1.55512E+10", "has lost digits in a spreadsheet"),
        ("Ada,,a@example.com,+12125550142,one too many", "5 cells, but there are 4 columns"),
        (f"{'A' * 201},,a@example.com,", "firstName: longer than 200"),
        ("A\x07da,,a@example.com,", "unprintable"),
        ("J\udce9r\udcf4me,,a@example.com,", "not UTF-8"),
    ],
)
def test_a_bad_row_is_refused_with_its_number_and_the_reason(line: str, reason: str) -> None:
    row = refusal(f"firstName,lastName,email,phone\n{line}\n")

    assert row.number == 2
    assert reason in row.reason


def test_a_row_with_values_in_unknown_columns_only_is_refused() -> None:
    assert "no name, email or phone" in refusal("email,company\n,Acme\n").reason


def test_row_numbers_count_as_a_spreadsheet_does() -> None:
    rows = rows_of('email,notes\na@example.com,"two\nlines"\n\nb@example.com,\nbad,\n')

    assert [(row.number, type(row)) for row in rows] == [(2, LeadRow), (4, LeadRow), (5, RefusedRow)]


def test_rows_after_a_bad_one_are_read() -> None:
    rows = rows_of("email\nbad\nb@example.com\n")

    assert [type(row) for row in rows] == [RefusedRow, LeadRow]


def test_a_quote_that_never_closes_is_said_and_not_swallowed() -> None:
    rows = rows_of('firstName,email\nAda,a@example.com\n"Bob,b@example.com\nCarl,c@example.com\n')

    assert isinstance(rows[0], LeadRow)
    assert isinstance(rows[-1], RefusedRow)
    assert "never closed" in rows[-1].reason


def test_a_quote_that_closes_very_late_costs_the_rows_inside_only() -> None:
    filling = "".join(f"Lead{number},lead{number}@example.com\n" for number in range(1_000))
    rows = rows_of(f'firstName,email\n"Ada,a@example.com\n{filling}')

    assert any(isinstance(row, RefusedRow) and "longer than 10,000" in row.reason for row in rows)
    assert sum(isinstance(row, LeadRow) for row in rows) > 500


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("", "empty"),
        ("\n", "empty"),
        ("name,company\n", "no column is called email or phone"),
        ("ada@example.com,+12125550142\n", "no column is called email or phone"),
        ("PK\x03\x04\x14\x00", "save it as CSV"),
        ("\udcff\udcfef\x00i\x00", "not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_used_says_what_would_be_right(line: str, problem: str) -> None:
    with pytest.raises(UnusableFileError, match=problem):
        read_headings(line)
