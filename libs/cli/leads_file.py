"""Reading leads from a CSV file, row by row, in constant memory: each row becomes a lead or a reason why not.

Files come out of spreadsheets and CRMs, so much is forgiven: the delimiter (comma, semicolon, tab), a byte order mark,
the wording of headings, columns that nobody knows. What is not guessed is what a cell means.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from libs.cli.contacts import ContactError, normal_email, normal_phone
from libs.common.errors import TucoError

FIELDS = ("firstName", "lastName", "email", "phone")

_HEADINGS: Mapping[str, frozenset[str]] = {
    "firstName": frozenset({"firstname", "first", "givenname", "forename", "fname"}),
    "lastName": frozenset({"lastname", "last", "surname", "familyname", "lname"}),
    "email": frozenset({"email", "emailaddress", "mail", "emailid", "primaryemail", "workemail", "personalemail"}),
    "phone": frozenset(
        {
            "phone",
            "phonenumber",
            "mobile",
            "mobilephone",
            "mobilenumber",
            "cell",
            "cellphone",
            "telephone",
            "tel",
            "number",
            "primaryphone",
            "workphone",
        }
    ),
}
_DELIMITERS = (",", ";", "\t", "|")
_LONGEST_CELL = 10_000
_LONGEST_NAME = 200
_UTF16_MARKS = ("\udcff\udcfe", "\udcfe\udcff")
_ZIP_MARK = "PK\x03\x04"


class UnusableFileError(TucoError):
    """A file from which no lead can be read at all; the message says why and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadRow:
    """A lead, its contacts in their normal form; empty text where the file has nothing.

    Args:
        number: its row as a spreadsheet counts; the headings are row 1.
    """

    number: int
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """A row that is no lead.

    Args:
        number: its row as a spreadsheet counts; the headings are row 1.
        reason: what is wrong with it, naming the column.
        cells: the row as it was read; empty where it could not be.
    """

    number: int
    reason: str
    cells: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What the headings mean.

    Args:
        places: for each field, the columns that may hold it, the likelier first.
        headings: all headings as they stand in the file.
        delimiter: what separates cells.
    """

    places: Mapping[str, Sequence[int]]
    headings: Sequence[str]
    delimiter: str

    @property
    def ignored(self) -> Sequence[str]:
        """The headings of columns that hold nothing of a lead."""
        used = {place for places in self.places.values() for place in places}
        return [heading for place, heading in enumerate(self.headings) if place not in used and heading.strip()]


def read_headings(line: str) -> Columns:
    """What the first line of a file says about its columns.

    Raises:
        UnusableFileError: it names neither an email nor a phone column.
    """
    if line.startswith(_ZIP_MARK):
        raise UnusableFileError("it is a spreadsheet workbook, not CSV; save it as CSV (UTF-8) first")
    if line.startswith(_UTF16_MARKS) or "\x00" in line:
        raise UnusableFileError("it is not UTF-8 text; save it as CSV (UTF-8)")
    if not line.strip():
        raise UnusableFileError("it is empty; the first line should name the columns: " + ", ".join(FIELDS))
    choices = [_columns(line, delimiter) for delimiter in _DELIMITERS]
    best = max(choices, key=lambda columns: (len(columns.places), len(columns.headings)))
    if "email" not in best.places and "phone" not in best.places:
        seen = ", ".join(heading.strip() or "(empty)" for heading in best.headings[:12])
        raise UnusableFileError(
            f"no column is called email or phone. The first line should name the columns ({', '.join(FIELDS)}); "
            f"it reads: {seen}"
        )
    return best


def read_leads(file: TextIO, columns: Columns, *, region: str) -> Iterator[LeadRow | RefusedRow]:
    """Every row below the headings, in the file's order; empty rows are passed over.

    Args:
        file: positioned after the headings' line, opened with ``newline=""`` and ``errors="surrogateescape"``.
        columns: what the headings mean.
        region: where national phone numbers are at home (ISO 3166-1 alpha-2).
    """
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(file, delimiter=columns.delimiter, strict=True)
    number = 1
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield RefusedRow(number=number, reason=_csv_fault(error))
            continue
        if any(cell.strip() for cell in cells):
            yield _read_row(number, cells, columns, region)


def _columns(line: str, delimiter: str) -> Columns:
    try:
        headings = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        headings = line.split(delimiter)
    places: dict[str, list[int]] = {}
    for place, heading in enumerate(headings):
        key = re.sub(r"[^a-z0-9]", "", heading.lower())
        for name, spellings in _HEADINGS.items():
            if key in spellings:
                places.setdefault(name, []).append(place)
    return Columns(places=places, headings=headings, delimiter=delimiter)


def _read_row(number: int, cells: Sequence[str], columns: Columns, region: str) -> LeadRow | RefusedRow:
    def refuse(reason: str) -> RefusedRow:
        return RefusedRow(number=number, reason=reason, cells=cells)

    if len(cells) > len(columns.headings):
        return refuse(f"{len(cells)} cells, but there are {len(columns.headings)} columns; is a cell not in quotes?")
    if any("\udc80" <= letter <= "\udcff" for cell in cells for letter in cell):
        return refuse("not UTF-8 text; save the file as CSV (UTF-8)")
    found = {name: _first(cells, columns.places.get(name, ())) for name in FIELDS}
    if not any(found.values()):
        return refuse("no name, email or phone in it")
    for name in ("firstName", "lastName"):
        if len(found[name]) > _LONGEST_NAME or any(not letter.isprintable() for letter in found[name]):
            return refuse(f"{name}: longer than {_LONGEST_NAME} letters, or with unprintable ones")
    try:
        email = normal_email(found["email"]) if found["email"] else ""
        phone = normal_phone(found["phone"], region=region) if found["phone"] else ""
    except ContactError as error:
        return refuse(str(error))
    return LeadRow(number=number, first_name=found["firstName"], last_name=found["lastName"], email=email, phone=phone)


def _first(cells: Sequence[str], places: Sequence[int]) -> str:
    texts = (cells[place].strip() for place in places if place < len(cells))
    return next((text for text in texts if text), "")


def _csv_fault(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return "a quote is opened and never closed, so that no row from here on can be read"
    if "field larger" in text:
        return f"a cell is longer than {_LONGEST_CELL:,} letters; is a quote opened and not closed?"
    return f"not CSV: {text}"
