"""The ``where`` statements of a message query: pieces of SQL with named arguments, over the database's columns.

The real server puts them into its query as they are (``databases/imessage/index.ts``), so any SQL would do; here the
statements are understood that clients send: comparisons of a column with an argument or a literal, joined by ``AND``.
Anything else is answered as SQLite answers to what it cannot read. A comparison with nothing (NULL) never holds.
"""

import re
from collections.abc import Callable, Mapping

import msgspec

from libs.simulators.bluebubbles.envelope import Refusal, unhandled
from libs.simulators.bluebubbles.mailbox import Message

_APPLE_EPOCH_MS = 978_307_200_000
_CONDITION = re.compile(
    r"^\s*(?P<column>\w+\.\w+)\s*(?P<operator>>=|<=|!=|<>|==|=|>|<|\bLIKE\b|\bIN\b|\bIS\s+NOT\b|\bIS\b)\s*"
    r"(?P<value>\(\s*:\.\.\.\w+\s*\)|:\w+|NULL|'(?:[^']|'')*'|-?\d+(?:\.\d+)?)(?:\s+COLLATE\s+NOCASE)?\s*$",
    re.IGNORECASE,
)
_AND = re.compile(r"\s+AND\s+", re.IGNORECASE)


class Where(msgspec.Struct, frozen=True):
    """One statement with its arguments by name."""

    statement: str
    args: Mapping[str, object] | None = None


class MessageView(msgspec.Struct, frozen=True):
    """A message as the database's rows show it.

    Attributes:
        message: which.
        text_is_hidden: whether the text column is empty, as it is for sent messages from macOS 13 on.
    """

    message: Message
    text_is_hidden: bool


def database_date(milliseconds: int | None) -> int | None:
    """A time as the database has it: nanoseconds since 2001."""
    return None if milliseconds is None else (milliseconds - _APPLE_EPOCH_MS) * 1_000_000


_COLUMNS: Mapping[str, Callable[[MessageView], object]] = {
    "message.rowid": lambda view: view.message.rowid,
    "message.guid": lambda view: view.message.guid,
    "message.text": lambda view: None if view.text_is_hidden and view.message.is_from_me else view.message.text,
    "message.is_from_me": lambda view: int(view.message.is_from_me),
    "message.isfromme": lambda view: int(view.message.is_from_me),
    "message.error": lambda view: view.message.error,
    "message.date": lambda view: database_date(view.message.date_created),
    "message.datecreated": lambda view: database_date(view.message.date_created),
    "message.date_delivered": lambda view: database_date(view.message.date_delivered),
    "message.datedelivered": lambda view: database_date(view.message.date_delivered),
    "message.is_delivered": lambda view: int(view.message.date_delivered is not None),
    "message.isdelivered": lambda view: int(view.message.date_delivered is not None),
    "message.handle_id": lambda view: view.message.chat.rowid,
    "message.handleid": lambda view: view.message.chat.rowid,
    "message.service": lambda view: view.message.chat.service,
    "handle.id": lambda view: view.message.chat.address,
    "handle.service": lambda view: view.message.chat.service,
    "chat.guid": lambda view: view.message.chat.guid,
    "chat.chat_identifier": lambda view: view.message.chat.address,
}

Condition = Callable[[MessageView], bool]


def conditions(where: Where) -> list[Condition]:
    """The conditions of one statement, all of which have to hold.

    Raises:
        Refusal: 500, as the server answers when its database cannot read the statement.
    """
    return [_condition(part, where.args or {}) for part in _AND.split(where.statement.strip())]


def _condition(text: str, args: Mapping[str, object]) -> Condition:
    match = _CONDITION.match(text)
    if match is None:
        raise _unreadable(text)
    column = _COLUMNS.get(match["column"].lower())
    if column is None:
        raise unhandled(f"SQLITE_ERROR: no such column: {match['column']}")
    operator = " ".join(match["operator"].upper().split())
    value = _value(match["value"], args)
    return lambda view: _holds(column(view), operator, value)


def _unreadable(text: str) -> Refusal:
    first = text.split()[0] if text.split() else text
    return unhandled(f'SQLITE_ERROR: near "{first}": syntax error')


def _value(text: str, args: Mapping[str, object]) -> object:
    if text.upper() == "NULL":
        return None
    if text.startswith("("):
        listed = args.get(text.strip("() ").removeprefix(":..."))
        return [_as_stored(item) for item in listed] if isinstance(listed, list) else []
    if text.startswith(":"):
        return _as_stored(args.get(text[1:]))
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    return float(text)


def _as_stored(value: object) -> object:
    return int(value) if isinstance(value, bool) else value


def _holds(actual: object, operator: str, wanted: object) -> bool:
    if operator in {"IS", "IS NOT"}:
        return (actual == wanted) is (operator == "IS")
    if actual is None or wanted is None:
        return False
    if operator == "IN":
        return isinstance(wanted, list) and actual in wanted
    if operator == "LIKE":
        return _like(str(actual), str(wanted))
    if operator in {"=", "=="}:
        return actual == wanted
    if operator in {"!=", "<>"}:
        return actual != wanted
    return _is_ordered(actual, operator, wanted)


def _is_ordered(actual: object, operator: str, wanted: object) -> bool:
    """Compare numbers with numbers and texts with texts; a number is below any text, as in SQLite."""
    left: tuple[int, float, str]
    left, right = _sort_key(actual), _sort_key(wanted)
    if operator == ">":
        return left > right
    if operator == "<":
        return left < right
    return left >= right if operator == ">=" else left <= right


def _sort_key(value: object) -> tuple[int, float, str]:
    return (0, float(value), "") if isinstance(value, (int, float)) else (1, 0.0, str(value))


def _like(text: str, pattern: str) -> bool:
    expression = "".join(".*" if sign == "%" else "." if sign == "_" else re.escape(sign) for sign in pattern)
    return re.fullmatch(expression, text, re.IGNORECASE | re.DOTALL) is not None
