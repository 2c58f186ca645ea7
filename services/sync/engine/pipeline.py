"""Fetching and writing side by side: while rows are written, the next pages are fetched, up to a bound."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from services.sync.engine.page_writer import RowsToWrite
from services.sync.sources.contract import Position


@dataclass(frozen=True, slots=True)
class Portion:
    """Some pages in a row, to be written together.

    Args:
        rows: their rows, and the position behind them.
        wait: how long the source needs before it can give more.
    """

    rows: RowsToWrite
    wait: timedelta


Fetch = Callable[[Position], Awaitable[Portion]]
"""Fetches the page at a position."""


async def portions(
    fetch: Fetch, start: Position, *, rows_ahead: int, rows_per_write: int, longest_wait: timedelta
) -> AsyncGenerator[Portion, None]:
    """The pages from a position on, several small ones as one portion where fetching is faster than writing.

    An error of fetching is raised only after the pages before it were given out. Where the source needs longer than
    ``longest_wait`` to go on, the portion that says so is the last.

    Args:
        fetch: fetches a page.
        start: the first page's position.
        rows_ahead: no further page is fetched while so many rows wait to be given out.
        rows_per_write: rows of a portion at most, unless a single page has more.
        longest_wait: what is waited for the source in place.
    """
    fetched = _Fetched(rows_ahead)
    fetching = asyncio.create_task(_fetch_all(fetch, start, fetched, longest_wait=longest_wait))
    try:
        while True:
            portion = await fetched.take(rows_per_write)
            yield portion
            if portion.rows.behind is None or portion.wait > longest_wait:
                return
    finally:
        fetching.cancel()
        with suppress(asyncio.CancelledError):
            await fetching


class _Fetched:
    """What was fetched and not yet given out.

    Args:
        rows_ahead: with so many rows it is full.
    """

    def __init__(self, rows_ahead: int) -> None:
        self._rows_ahead = rows_ahead
        self._waiting: deque[Portion] = deque()
        self._rows = 0
        self._error: BaseException | None = None
        self._changed = asyncio.Condition()

    async def put(self, portion: Portion) -> None:
        """Adds a page, then waits until there is room for another."""
        async with self._changed:
            self._waiting.append(portion)
            self._rows += len(portion.rows.rows)
            self._changed.notify_all()
            await self._changed.wait_for(lambda: self._rows < self._rows_ahead)

    async def fail(self, error: BaseException) -> None:
        """Says that nothing more comes, and why."""
        async with self._changed:
            self._error = error
            self._changed.notify_all()

    async def take(self, rows_at_most: int) -> Portion:
        """Waits for a page; takes those behind it too, as far as they are there and fit.

        Raises:
            BaseException: why nothing more comes, once everything before was taken.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self._waiting or self._error)
            if not self._waiting and self._error:
                raise self._error
            portion = self._waiting.popleft()
            while self._waiting and _fits(portion, self._waiting[0], rows_at_most):
                portion = _joined(portion, self._waiting.popleft())
            self._rows -= len(portion.rows.rows)
            self._changed.notify_all()
            return portion


async def _fetch_all(fetch: Fetch, start: Position, fetched: _Fetched, *, longest_wait: timedelta) -> None:
    position: Position | None = start
    while position is not None:
        try:
            page = await fetch(position)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - it is raised again, behind the pages that came before it
            await fetched.fail(error)
            return
        await fetched.put(page)
        if page.wait > longest_wait:
            return
        await asyncio.sleep(page.wait.total_seconds())
        position = page.rows.behind


def _fits(portion: Portion, following: Portion, rows_at_most: int) -> bool:
    return not portion.wait and len(portion.rows.rows) + len(following.rows.rows) <= rows_at_most


def _joined(portion: Portion, following: Portion) -> Portion:
    first, second = portion.rows, following.rows
    return Portion(
        RowsToWrite(
            rows=[*first.rows, *second.rows],
            behind=second.behind,
            read_at=first.read_at,
            pages=first.pages + second.pages,
        ),
        following.wait,
    )
