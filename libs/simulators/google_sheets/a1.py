"""Ranges in A1 notation, as the Sheets API reads and writes them.

Understood: `Leads`, `'It''s'`, `Leads!A2:H100`, `A2:H100` (the first sheet), `A:H`, `2:100`, `A2:H`, `B7`. Rows and
columns beyond the grid are cut off; a range that begins beyond it is refused, as users' reports have it.
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

_SHEET: Final = re.compile(r"(?:'(?P<quoted>(?:[^']|'')+)'|(?P<plain>[^'!]+))(?:!(?P<cells>.+))?")
_CELLS: Final = re.compile(
    r"\$?(?P<column>[A-Z]{1,3})?\$?(?P<row>[1-9]\d*)?(?::\$?(?P<to_column>[A-Z]{1,3})?\$?(?P<to_row>[1-9]\d*)?)?",
    re.IGNORECASE,
)
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """A sheet as far as ranges need it."""

    title: str
    rows: int
    columns: int


class Area(msgspec.Struct, frozen=True, kw_only=True):
    """Cells of one sheet: rows and columns counted from 0, ends excluded."""

    title: str
    top: int
    bottom: int
    left: int
    right: int

    def written(self) -> str:
        """Return the range as the API writes it in an answer."""
        title = self.title if _PLAIN.fullmatch(self.title) else "'" + self.title.replace("'", "''") + "'"
        first = f"{letters(self.left)}{self.top + 1}"
        last = f"{letters(self.right - 1)}{self.bottom}"
        return f"{title}!{first}" if first == last else f"{title}!{first}:{last}"


class UnreadableRange(ValueError):
    """A text that is no range of these sheets."""


class OutsideGrid(ValueError):
    """A range that begins beyond a sheet's grid."""

    def __init__(self, grid: Grid) -> None:
        super().__init__(grid.title)
        self.grid = grid


def letters(column: int) -> str:
    """Return the letters of a column counted from 0: 0 is A, 26 is AA."""
    name = ""
    column += 1
    while column:
        column, digit = divmod(column - 1, 26)
        name = chr(65 + digit) + name
    return name


def number(name: str) -> int:
    """Return the number of a column counted from 0."""
    value = 0
    for letter in name.upper():
        value = value * 26 + ord(letter) - 64
    return value - 1


def parse(text: str, grids: Sequence[Grid]) -> Area:
    """Return the area that a range names.

    Raises:
        UnreadableRange: it is no range, or there is no such sheet.
        OutsideGrid: it begins beyond the grid.

    """
    grid, cells = _sheet(text, grids)
    if cells is None:
        return Area(title=grid.title, top=0, bottom=grid.rows, left=0, right=grid.columns)
    match = _CELLS.fullmatch(cells)
    if match is None or not (match["column"] or match["row"]):
        raise UnreadableRange(text)
    alone = ":" not in cells
    column, row, to_column, to_row = match["column"], match["row"], match["to_column"], match["to_row"]
    if alone:
        if not (column and row):
            raise UnreadableRange(text)
        to_column, to_row = column, row
    elif not (to_column or to_row):
        raise UnreadableRange(text)
    top, left = int(row or 1) - 1, number(column or "A")
    bottom = int(to_row) if to_row else grid.rows
    right = number(to_column) + 1 if to_column else grid.columns
    if bottom <= top:
        top, bottom = bottom - 1, top + 1
    if right <= left:
        left, right = right - 1, left + 1
    if top >= grid.rows or left >= grid.columns:
        raise OutsideGrid(grid)
    return Area(title=grid.title, top=top, bottom=min(bottom, grid.rows), left=left, right=min(right, grid.columns))


def _sheet(text: str, grids: Sequence[Grid]) -> tuple[Grid, str | None]:
    """Return the sheet of a range and what it says of its cells."""
    match = _SHEET.fullmatch(text)
    if match is None or not grids:
        raise UnreadableRange(text)
    title = match["quoted"].replace("''", "'") if match["quoted"] else match["plain"]
    for grid in grids:
        if grid.title == title:
            return grid, match["cells"]
    if match["cells"] is None and match["plain"] and _CELLS.fullmatch(text):
        return grids[0], text
    raise UnreadableRange(text)
