"""A sheet of generated people: a header row, then one row per person in the order of their positions.

A cell has a value and the text that is shown for it. A phone number typed without signs is a number cell, as in a real
sheet; dates are serial numbers that show as `1/31/2024`; a tick box is TRUE or FALSE. Deleting a person removes their
row, so everyone below moves up. `reorder` is a person sorting the sheet.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from math import gcd
from typing import Final

import msgspec

from libs.simulators.crm import instants
from libs.simulators.crm.table import Layer, Row, Table
from libs.simulators.google_sheets.a1 import Area, Grid

_SPARE_ROWS: Final = 100
_COLUMNS: Final = 26
_DAY_MS: Final = 86_400_000
_SERIAL_1970: Final = 25_569

Raw = str | int | float | bool


class Cell(msgspec.Struct, frozen=True):
    """A filled cell: what is shown and what is stored."""

    shown: str
    stored: Raw
    is_date: bool = False


def _text(value: str | None) -> Cell | None:
    return Cell(value, value) if value else None


def _phone(value: str | None) -> Cell | None:
    digits = (value or "").strip().removeprefix("+")
    if value and digits.isdigit() and not digits.startswith("0"):
        return Cell(digits, int(digits))
    return _text(value)


def _day(moment_ms: int) -> Cell:
    year, month, day = (int(part) for part in instants.seconds(moment_ms)[:10].split("-"))
    return Cell(f"{month}/{day}/{year}", moment_ms // _DAY_MS + _SERIAL_1970, is_date=True)


def _name(row: Row) -> Cell | None:
    first, last = row.person.first_name, row.person.last_name
    if first and last and row.index % 16 == 3:
        return _text(f"{last}, {first}")
    return _text(row.person.full_name)


COLUMNS: Final[Mapping[str, Callable[[Row], Cell | None]]] = {
    "ID": lambda row: _text(f"L-{row.index + 1:07d}"),
    "Name": _name,
    "First name": lambda row: _text(row.person.first_name),
    "Last name": lambda row: _text(row.person.last_name),
    "Email": lambda row: _text(row.person.email),
    "Phone": lambda row: _phone(row.person.phone),
    "Mobile": lambda row: _phone(row.person.mobile),
    "Company": lambda row: _text(row.person.company),
    "Title": lambda row: _text(row.person.job_title),
    "City": lambda row: _text(row.person.city),
    "Segment": lambda row: _text(row.person.segment),
    "Score": lambda row: Cell(f"{row.person.score}.0%", row.person.score / 100),
    "Subscribed": lambda row: Cell("TRUE" if row.person.subscribed else "FALSE", row.person.subscribed),
    "Added": lambda row: _day(row.created_ms),
    "Notes": lambda row: _text(row.person.notes),
}
"""What a column of a given heading holds."""

DEFAULT_COLUMNS: Final = (
    "ID",
    "Name",
    "Email",
    "Phone",
    "Company",
    "Title",
    "City",
    "Segment",
    "Score",
    "Subscribed",
    "Added",
    "Notes",
)


class Sheet:
    """One sheet of a spreadsheet.

    Args:
        title: its name.
        gid: its id.
        table: the people, or None for a sheet with nothing but the header.
        columns: the headings, out of `COLUMNS`.
        blank_every: every so many rows is left blank in the middle of the data; 0 for none.

    """

    def __init__(
        self,
        title: str,
        gid: int,
        table: Table | None,
        columns: Sequence[str] = DEFAULT_COLUMNS,
        *,
        blank_every: int = 0,
    ) -> None:
        self.title = title
        self.gid = gid
        self.columns = tuple(columns)
        self.table = table
        self._blank_every = blank_every
        self._read = [COLUMNS[name] for name in self.columns]
        self._multiplier = 1
        self._deleted: tuple[Layer | None, list[int]] = (None, [])

    def reorder(self, multiplier: int) -> None:
        """Put the rows into another order, decided by any number; 1 is the original order."""
        self._multiplier = multiplier

    @property
    def rows(self) -> int:
        """How many people the sheet shows, blank rows included."""
        if self.table is None:
            return 0
        return self.table.layer.size - len(self._gone(self.table.layer))

    @property
    def grid(self) -> Grid:
        """The sheet's size: the data, the header and some empty rows below."""
        return Grid(title=self.title, rows=self.rows + 1 + _SPARE_ROWS, columns=_COLUMNS)

    def index_at(self, row: int) -> int | None:
        """Return the position of the person in a row counted from 1 (the header is row 1), None where there is none."""
        if self.table is None or not 2 <= row <= self.rows + 1:
            return None
        return self._index(self.table.layer, row - 2, self.rows)

    def cells(self, area: Area) -> list[list[Cell | None]]:
        """Return the cells of an area, row by row, without the empty rows below the data."""
        found: list[list[Cell | None]] = []
        count = self.rows
        layer = self.table.layer if self.table is not None else None
        read = self._read[area.left : area.right]
        for row in range(area.top, min(area.bottom, count + 1)):
            if row == 0:
                found.append([_text(name) for name in self.columns[area.left : area.right]])
            elif layer is not None and self.table is not None:
                index = self._index(layer, row - 1, count)
                if self._blank_every and index % self._blank_every == self._blank_every - 1:
                    found.append([])
                else:
                    person = self.table.row(index, layer)
                    found.append([each(person) for each in read])
        return found

    def _index(self, layer: Layer, rank: int, count: int) -> int:
        if self._multiplier != 1 and count > 1:
            step = self._multiplier % count or 1
            while gcd(step, count) != 1:
                step += 1
            rank = (rank * step + self._multiplier) % count
        gone = self._gone(layer)
        return rank + bisect_right(range(len(gone)), rank, key=lambda at: gone[at] - at)

    def _gone(self, layer: Layer) -> list[int]:
        if self._deleted[0] is not layer:
            self._deleted = (layer, layer.deleted())
        return self._deleted[1]
