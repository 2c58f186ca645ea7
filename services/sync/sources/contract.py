"""What the engine asks of a CRM, and how a CRM's refusals are told apart."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec

from libs.common.errors import TucoError
from services.sync.rules.field_map import FieldMap
from services.sync.rules.rows import SourceRow

Position = Mapping[str, Any]
"""Where a source goes on reading, in its own words: JSON-able, small, without secrets. Another worker may use it."""


class SourceError(TucoError):
    """A CRM did not give what was asked for."""


class AuthRejected(SourceError):
    """The CRM does not accept the credentials."""


class AccessRefused(SourceError):
    """The credentials are good, but may not read this."""


class NotThere(SourceError):
    """What was to be read does not exist (any more): the spreadsheet, the object, the account."""


class WrongRequest(SourceError):
    """The CRM does not understand what is asked, such as a field that it does not have; asking again is vain."""


class RateLimited(SourceError):
    """The CRM wants no further call before a moment.

    Args:
        until: the moment, aware.
        limit: which limit it is, in a few words.
    """

    def __init__(self, until: datetime, limit: str) -> None:
        super().__init__(f"no call before {until.isoformat()}: {limit}")
        self.until = until
        self.limit = limit


class SourceUnavailable(SourceError):
    """The CRM cannot be reached, is too slow, or fails; it may heal.

    Args:
        message: what happened.
        after: how long the CRM asked to be left alone.
    """

    def __init__(self, message: str, *, after: timedelta | None = None) -> None:
        super().__init__(message)
        self.after = after


class PositionLost(SourceError):
    """The CRM no longer knows the position; reading has to begin anew."""


class ReadingStopped(SourceError):
    """The run is being stopped; what was waited for does not matter any more."""


class SourceField(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A field that the source has.

    Args:
        name: as a field map names it.
        label: as people know it.
        kind: the source's own word for its type.
    """

    name: str
    label: str
    kind: str


class Account(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where the credentials lead to.

    Args:
        name: the account, organisation or spreadsheet, as people know it.
        fields: what it has to offer.
    """

    name: str
    fields: Sequence[SourceField]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows in the source's order.

    Args:
        rows: may be empty, also before the end.
        next: where the next page begins; ``None`` after the last one.
        wait: how long the source needs before the next page can be there; zero where it is there already.
    """

    rows: Sequence[SourceRow]
    next: Position | None
    wait: timedelta = timedelta()


class CrmSource(Protocol):
    """A connected CRM.

    All methods may block for a call's time-out and short waits (some seconds); they are called from one thread at a
    time. All may raise:

    - ``AuthRejected``, after the access token was renewed once where it can be;
    - ``AccessRefused``, ``NotThere``, ``WrongRequest``: a person has to do something;
    - ``RateLimited``: not before a moment that is further away than is waited for in place;
    - ``SourceUnavailable``, after some tries;
    - ``ReadingStopped``, once :meth:`stop` was called.

    Attributes:
        has_unique_ids: whether no two rows have the same external id. Where it is false, the first row with an id
            counts, and :meth:`rows_before` must answer.
        has_change_stamps: whether it can tell what changed since a moment; where it is false every run reads all rows.
        overlap: how far before the last run's start an incremental run has to read, because changes show late or
            clocks differ.
    """

    has_unique_ids: bool
    has_change_stamps: bool
    overlap: timedelta

    def account(self) -> Account:
        """Where the credentials lead to. Makes at most three calls."""
        ...

    def field_map(self) -> FieldMap:
        """The integration's field map with what the source itself suggests. May make one call, the first time.

        Raises:
            InvalidInput: the integration's own field map is malformed.
        """
        ...

    def begin(self, since: datetime | None) -> Position:
        """The position before the first page.

        Args:
            since: read rows that changed at or after this moment, aware; ``None`` for all rows. A source that has no
                change stamps reads all rows.
        """
        ...

    def total(self, position: Position) -> int | None:
        """About how many rows there are to read from the first position on; ``None`` where it cannot be known."""
        ...

    def read(self, position: Position) -> Page:
        """The page at a position. Reading it again gives the same rows, unless they changed meanwhile.

        Rows that change while pages are read are given in their old or their new state at least once, or are given by
        an incremental run since this one's start.

        Raises:
            PositionLost: the position is too old to be read on from.
        """
        ...

    def rows_before(self, position: Position) -> Iterable[Sequence[SourceRow]]:
        """The rows before a position, in portions, with at least the values that identify them.

        Only asked where ``has_unique_ids`` is false.
        """
        ...

    def stop(self) -> None:
        """Ends waits in other methods with ``ReadingStopped``; may be called from any thread."""
        ...

    def close(self) -> None:
        """Frees connections."""
        ...
