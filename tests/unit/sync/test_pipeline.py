"""Fetching ahead of writing, within bounds."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from datetime import timedelta

import pytest

from services.sync.engine.page_writer import RowsToWrite
from services.sync.engine.pipeline import Portion, portions
from services.sync.engine.prepared import PreparedRow
from services.sync.sources.contract import Position, SourceUnavailable
from tests.unit.sync.factories import MONDAY, a_source_row


class Shelf:
    """Pages of ten rows, fetched at once; keeps how many were fetched."""

    def __init__(self, pages: int, *, fail_at: int | None = None, waits: dict[int, timedelta] | None = None) -> None:
        self.pages = pages
        self.fetched = 0
        self._fail_at = fail_at
        self._waits = waits or {}

    async def fetch(self, position: Position) -> Portion:
        page = position["page"]
        if page == self._fail_at:
            raise SourceUnavailable("down")
        self.fetched += 1
        rows = [PreparedRow(a_source_row(f"{page}-{place}"), 0, None) for place in range(10)]
        following = {"page": page + 1} if page + 1 < self.pages else None
        return Portion(RowsToWrite(rows=rows, behind=following, read_at=MONDAY), self._waits.get(page, timedelta()))


async def taken(
    shelf: Shelf, *, rows_per_write: int = 10, rows_ahead: int = 30, on_portion: Callable[[int], None] | None = None
) -> list[list[str]]:
    portions_taken: list[list[str]] = []
    pages = portions(
        shelf.fetch,
        {"page": 0},
        rows_ahead=rows_ahead,
        rows_per_write=rows_per_write,
        longest_wait=timedelta(seconds=1),
    )
    async with aclosing(pages):
        async for portion in pages:
            portions_taken.append([row.external_id for row in portion.rows.rows])
            if on_portion:
                await asyncio.sleep(0.01)
                on_portion(len(portions_taken))
    return portions_taken


def test_every_page_comes_once_and_in_order() -> None:
    pages = asyncio.run(taken(Shelf(5)))
    assert [rows[0] for rows in pages] == ["0-0", "1-0", "2-0", "3-0", "4-0"]


def test_small_pages_that_wait_are_written_together() -> None:
    pages = asyncio.run(taken(Shelf(8), rows_per_write=30, on_portion=lambda _count: None))
    assert sum(len(rows) for rows in pages) == 80
    assert max(len(rows) for rows in pages) == 30


def test_no_more_is_fetched_ahead_than_the_bound_allows() -> None:
    shelf = Shelf(100)
    ahead: list[int] = []
    asyncio.run(taken(shelf, rows_ahead=30, on_portion=lambda count: ahead.append(shelf.fetched - count)))
    assert max(ahead) <= 4


def test_an_error_comes_after_the_pages_before_it() -> None:
    seen: list[int] = []
    with pytest.raises(SourceUnavailable):
        asyncio.run(taken(Shelf(9, fail_at=4), on_portion=seen.append))
    assert seen == [1, 2, 3, 4]


def test_a_long_wait_of_the_source_ends_the_portions() -> None:
    pages = asyncio.run(taken(Shelf(9, waits={2: timedelta(seconds=60)})))
    assert len(pages) == 3


def test_a_short_wait_of_the_source_is_waited_for() -> None:
    pages = asyncio.run(taken(Shelf(3, waits={0: timedelta(milliseconds=5)}), rows_per_write=100))
    assert sum(len(rows) for rows in pages) == 30
    assert [row for row in pages[0] if row.startswith("1-")] == []


def test_nothing_is_fetched_after_the_writer_gave_up() -> None:
    shelf = Shelf(1_000)

    def give_up(_count: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(taken(shelf, on_portion=give_up))
    assert shelf.fetched < 10
