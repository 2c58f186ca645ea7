"""A sheet of a Google spreadsheet, through ``gspread``.

A sheet has no change stamps, so every run reads all of it, in windows of rows; the engine's fingerprints tell what
changed. A row is identified by the column that the workspace chose, else by its phone or email.

Facts: Sheets API v4 reference (values of a range, A1 notation; trailing empty cells and rows are left out) and its
usage limits (60 reads a minute per user and project, about 2 MB per answer). Values are read unformatted, because a
phone number that the sheet holds as a number is shown shortened (4.15556E+09).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import requests
from gspread.exceptions import APIError
from gspread.http_client import HTTPClient
from gspread.utils import absolute_range_name, rowcol_to_a1

from libs.common.clock import Clock
from libs.common.errors import InvalidInput
from libs.common.integrations.model import Integration
from services.sync.rules.field_map import FieldMap, read_field_map
from services.sync.rules.rows import SourceRow
from services.sync.sources.answers import refusal
from services.sync.sources.calls import CALL_SECONDS, Calls, translated
from services.sync.sources.contract import (
    Account,
    NotThere,
    Page,
    Position,
    SourceError,
    SourceField,
    SourceUnavailable,
    WrongRequest,
)
from services.sync.sources.http_session import CrmSession
from services.sync.sources.pauses import Pauses
from services.sync.sources.tokens import ACCESS_TOKEN

USUAL_URL: Final = "https://sheets.googleapis.com"

CALLS_PER_SECOND: Final = 1.0
"""60 reads a minute per user and project, refilled every minute."""

_QUOTA_WAIT: Final = timedelta(seconds=60)
_ROWS: Final = 1_000
_CELLS: Final = 50_000
"""Cells of a window at most: a million characters or so, below the 2 MB that Google advises."""

_IDENTITY_ROWS: Final = 10_000
"""Rows of a window in which only what identifies rows is read."""


class _At(msgspec.Struct, frozen=True):
    row: int
    """The number of the next row to read, from 1."""


class _Grid(msgspec.Struct, frozen=True, kw_only=True):
    """The sheet as it was when the run, or this part of it, began."""

    title: str
    sheet: str
    rows: int
    header: tuple[str, ...]


class GoogleSheetsSource:
    """The rows of one sheet.

    Args:
        integration: whose field map and settings hold.
        calls: makes calls.
        pauses: ends waits.
        clock: tells the time.

    Raises:
        InvalidInput: no spreadsheet is named.
    """

    has_unique_ids = False
    has_change_stamps = False
    overlap = timedelta()

    def __init__(self, integration: Integration, *, calls: Calls, pauses: Pauses, clock: Clock) -> None:
        settings = integration.settings
        if not settings.spreadsheet_id:
            raise InvalidInput("settings.spreadsheetId", "is required: the id in the spreadsheet's address")
        self._integration = integration
        self._settings = settings
        self._calls = calls
        self._pauses = pauses
        self._clock = clock
        self._per_second = CALLS_PER_SECOND if settings.calls_per_second is None else settings.calls_per_second
        self._session = CrmSession(USUAL_URL, settings.base_url)
        self._client = HTTPClient(None, self._session)  # type: ignore[arg-type]  # None is what its docstring asks for
        self._client.set_timeout(CALL_SECONDS)
        self._grid: _Grid | None = None
        self._map: FieldMap | None = None

    def account(self) -> Account:
        """The spreadsheet's title, and the sheet's columns."""
        grid = self._opened()
        fields = [SourceField(name=name, label=name, kind="column") for name in grid.header if name]
        return Account(name=f"{grid.title}: {grid.sheet}", fields=fields)

    def field_map(self) -> FieldMap:
        """The integration's field map over what the header suggests.

        Raises:
            InvalidInput: the field map is malformed, or names no column of the sheet.
        """
        if self._map is None:
            header = self._opened().header
            self._map = read_field_map(self._integration.field_map, self._integration.provider, header=header)
            key = self._settings.key_column
            for name in (*self._map.source_fields, *([key] if key else [])):
                if name not in header:
                    raise InvalidInput(
                        "fieldMap" if name != key else "settings.keyColumn",
                        f"the sheet has no column {name!r}; its columns are: {', '.join(filter(None, header))}",
                    )
        return self._map

    def begin(self, since: datetime | None) -> Position:  # noqa: ARG002 - a sheet has no change stamps
        """The row behind the header."""
        return _position(self._settings.header_row + 1)

    def total(self, position: Position) -> int | None:
        """The rows of the grid behind the header, empty ones included."""
        return max(0, self._opened().rows - _read_position(position) + 1)

    def read(self, position: Position) -> Page:
        """The window at a position."""
        start = _read_position(position)
        names = self._columns()
        size = max(1, min(_ROWS, _CELLS // max(1, len(names))))
        rows = self._window(start, size, names)
        behind = start + size
        return Page(rows=rows, next=_position(behind) if behind <= self._opened().rows else None)

    def rows_before(self, position: Position) -> Iterable[Sequence[SourceRow]]:
        """The rows before a position, with only the columns that identify them."""
        field_map = self.field_map()
        key = self._settings.key_column
        names = [key] if key else sorted({*field_map.phone, *field_map.email})
        end = _read_position(position)
        for start in range(self._settings.header_row + 1, end, _IDENTITY_ROWS):
            yield self._window(start, min(_IDENTITY_ROWS, end - start), names)

    def stop(self) -> None:
        """Ends waits."""
        self._pauses.stop()

    def close(self) -> None:
        """Closes the session."""
        self._session.close()

    def _columns(self) -> list[str]:
        key = self._settings.key_column
        return sorted({*self.field_map().source_fields, *([key] if key else [])})

    def _opened(self) -> _Grid:
        if self._grid is None:
            found = self._make(
                lambda client: client.fetch_sheet_metadata(
                    self._settings.spreadsheet_id, params={"fields": "properties.title,sheets.properties"}
                )
            )
            sheets = [each["properties"] for each in found.get("sheets", ())]
            wanted = self._settings.sheet
            chosen = next((each for each in sheets if not wanted or each["title"] == wanted), None)
            if chosen is None:
                names = ", ".join(each["title"] for each in sheets)
                raise NotThere(f"the spreadsheet has no sheet {wanted!r}; its sheets are: {names}")
            header_row = self._settings.header_row
            (header,) = self._values(chosen["title"], [f"{header_row}:{header_row}"])
            self._grid = _Grid(
                title=found["properties"]["title"],
                sheet=chosen["title"],
                rows=chosen["gridProperties"]["rowCount"],
                header=tuple(_text(cell).strip() for cell in header[0]) if header else (),
            )
            if not any(self._grid.header):
                raise WrongRequest(f"row {header_row} of the sheet is empty; it should hold the columns' names")
        return self._grid

    def _window(self, start: int, size: int, names: Sequence[str]) -> list[SourceRow]:
        """Rows from ``start`` on; empty ones are left out."""
        grid = self._opened()
        places = [grid.header.index(name) + 1 for name in names]
        end = min(start + size - 1, grid.rows)
        if end < start or not names:
            return []
        ranges = [f"{rowcol_to_a1(start, place)}:{rowcol_to_a1(end, place)}" for place in places]
        columns = self._values(grid.sheet, ranges)
        key = self._settings.key_column
        rows = []
        for offset in range(end - start + 1):
            values = {}
            for name, column in zip(names, columns, strict=True):
                if offset < len(column) and column[offset] and (text := _text(column[offset][0])):
                    values[name] = text
            if values:
                rows.append(SourceRow(place=str(start + offset), external_id=_key(values, key), values=values))
        return rows

    def _values(self, sheet: str, ranges: Sequence[str]) -> list[list[list[Any]]]:
        """The cells of each range: its rows, each a list of cells."""
        named = [absolute_range_name(sheet, each) for each in ranges]

        def call(client: HTTPClient) -> Any:
            return client.values_batch_get(
                self._settings.spreadsheet_id,
                named,
                params={"valueRenderOption": "UNFORMATTED_VALUE", "dateTimeRenderOption": "FORMATTED_STRING"},
            )

        return [each.get("values", []) for each in self._make(call)["valueRanges"]]

    def _make(self, call: Callable[[HTTPClient], Any]) -> Any:
        def with_token(access: Mapping[str, str]) -> Any:
            self._session.headers["Authorization"] = f"Bearer {access[ACCESS_TOKEN]}"
            with translated(self._meaning):
                return call(self._client)

        return self._calls.make(with_token, kind="call", per_second=self._per_second)

    def _meaning(self, error: Exception) -> SourceError | None:
        if isinstance(error, APIError):
            answer = error.response
            return sheets_refusal(answer.status_code, error.error, headers=dict(answer.headers), now=self._clock.now())
        if isinstance(error, requests.RequestException):
            return SourceUnavailable(f"Google did not answer: {type(error).__name__}")
        # The client decodes answers without looking at their form.
        unreadable = isinstance(error, ValueError | KeyError | TypeError)
        return SourceUnavailable("Google's answer cannot be read") if unreadable else None


def sheets_refusal(status: int, said: Mapping[str, Any], *, headers: Mapping[str, str], now: datetime) -> SourceError:
    """What an error answer of Google means.

    Args:
        status: the HTTP status.
        said: ``{code, message, status}``.
        headers: of the answer.
        now: aware.
    """
    text = f"{said.get('status', '')}: {said.get('message', '')}"
    return refusal(status, text, headers=headers, now=now, usual_wait=_QUOTA_WAIT, limit="Google: reads per minute")


def _key(values: Mapping[str, str], key_column: str) -> str:
    return values.get(key_column, "").strip() if key_column else ""


def _text(cell: object) -> str:
    """A cell as a text; a whole number without a fraction, because that is how people typed it."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell)


def _position(row: int) -> Position:
    position: Position = msgspec.to_builtins(_At(row))
    return position


def _read_position(position: Position) -> int:
    return msgspec.convert(position, _At).row
