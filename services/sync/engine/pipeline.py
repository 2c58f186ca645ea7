"""Fetching and writing side by side: while rows are written, the next pages are fetched, up to a bound."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.sync.engine.page_writer import RowsToWrite
from services.sync.sources.contract import Page, Position

Fetch = Callable[[Position], Awaitable[tuple[Page, datetime]]]
"""Fetches the page at a position, and tells when it was asked for."""


@dataclass(frozen=True, slots=True)
class Portion:
    """Some pages in a row, to be written together.

    Args:
        rows: their rows, and the position behind them.
        wait: how long the source needs before it can give more.
    """

    rows: RowsToWrite
    wait: timedelta


async def portions(
    fetch: Fetch, start: Position, *, pages_ahead: int, rows_per_write: int, longest_wait: timedelta
) -> AsyncGenerator[Portion, None]:
    """The pages from a position on, several small ones as one portion where fetching is faster than writing.

    An error of fetching is raised only after the pages before it were given out. Where the source needs longer than
    ``longest_wait`` to go on, the portion that says so is the last.

    Args:
        fetch: fetches a page.
        start: the first page's position.
        pages_ahead: pages that are fetched before they can be given out.
        rows_per_write: rows of a portion at most, unless a single page has more.
        longest_wait: what is waited for the source in place.
    """
    fetched: asyncio.Queue[Portion | Exception] = asyncio.Queue(maxsize=pages_ahead)
    fetching = asyncio.create_task(_fetch_all(fetch, start, fetched, longest_wait=longest_wait))
    try:
        held: Portion | Exception | None = None
        while True:
            first = held or await fetched.get()
            held = None
            if isinstance(first, Exception):
                raise first
            portion = first
            while _may_grow(portion) and not fetched.empty():
                following = fetched.get_nowait()
                if isinstance(following, Exception) or not _fits(portion, following, rows_per_write):
                    held = following
                    break
                portion = _joined(portion, following)
            yield portion
            if portion.rows.behind is None or portion.wait > longest_wait:
                return
    finally:
        fetching.cancel()
        with suppress(asyncio.CancelledError):
            await fetching


async def _fetch_all(
    fetch: Fetch, start: Position, fetched: "asyncio.Queue[Portion | Exception]", *, longest_wait: timedelta
) -> None:
    position: Position | None = start
    while position is not None:
        try:
            page, asked_at = await fetch(position)
        except Exception as error:  # noqa: BLE001 - it is raised again, behind the pages that came before it
            await fetched.put(error)
            return
        rows = RowsToWrite(rows=page.rows, behind=page.next, read_at=asked_at)
        await fetched.put(Portion(rows, page.wait))
        if page.wait > longest_wait:
            return
        await asyncio.sleep(page.wait.total_seconds())
        position = page.next


def _may_grow(portion: Portion) -> bool:
    return portion.rows.behind is not None and not portion.wait


def _fits(portion: Portion, following: Portion, rows_per_write: int) -> bool:
    return len(portion.rows.rows) + len(following.rows.rows) <= rows_per_write


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
