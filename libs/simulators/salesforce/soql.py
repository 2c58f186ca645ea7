"""A subset of SOQL, read the way Salesforce reads it and refused where it is not understood.

    SELECT Id, Email FROM Contact
    WHERE SystemModstamp > 2024-01-01T00:00:00Z AND (Phone != null OR Email LIKE '%@example.com')
    ORDER BY SystemModstamp, Id LIMIT 100

Understood: SELECT of fields or COUNT(), FROM one object, WHERE with AND, OR, NOT, parentheses, `= != <> < <= > >=`,
LIKE, IN, NOT IN, ORDER BY (SystemModstamp, Id, CreatedDate; all in one direction), LIMIT, OFFSET. As in Salesforce,
names and key words have no case, AND and OR do not mix without parentheses, times are not quoted, and an unknown field
is `INVALID_FIELD`. Everything else, relationships and functions included, is `MALFORMED_QUERY`.

Conditions on SystemModstamp and Id cost nothing; any other walks over all rows that those leave.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from libs.simulators.crm import instants
from libs.simulators.crm.conditions import Condition, Test
from libs.simulators.crm.ordering import END, Bounds, Order
from libs.simulators.crm.table import Row
from libs.simulators.salesforce.errors import SalesforceError, at_column, malformed, no_such_column
from libs.simulators.salesforce.ids import index_of
from libs.simulators.salesforce.objects import OBJECTS, Field, SObject, Value

_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^'\\]|\\.)*')
      | (?P<time>\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))?)
      | (?P<number>-?\d+(?:\.\d+)?)
      | (?P<word>[A-Za-z_][\w.]*)
      | (?P<sign><=|>=|!=|<>|[=<>(),])
    )""",
    re.VERBOSE,
)
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_MOST_ALTERNATIVES: Final = 64


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A query made ready.

    `fields` is empty for COUNT(). A row is found when one of the `alternatives` holds.
    """

    entity: SObject
    fields: tuple[Field, ...]
    alternatives: tuple[Condition, ...] = (Condition(),)
    order: Order = Order.INDEX
    descending: bool = False
    limit: int | None = None
    offset: int = 0


class _Token(msgspec.Struct, frozen=True):
    kind: str
    text: str
    column: int


def parse(soql: str) -> Query:
    """Return a query made ready.

    Raises:
        SalesforceError: 400 with the code and the place that Salesforce would name.

    """
    return _Parser(soql).query()


class _Parser:
    """Reads one query from left to right."""

    def __init__(self, soql: str) -> None:
        self._soql = soql
        self._tokens = list(self._split())
        self._at = 0

    def query(self) -> Query:
        self._word("SELECT")
        names = self._selected()
        self._word("FROM")
        entity = self._entity()
        fields = tuple(self._resolve(entity, name) for name in names)
        alternatives = self._any_of(entity) if self._accept("WHERE") else (Condition(),)
        order, descending = self._ordered(entity) if self._accept("ORDER") else (Order.INDEX, False)
        limit = self._whole() if self._accept("LIMIT") else None
        offset = self._whole() if self._accept("OFFSET") else 0
        if self._next.kind != "end":
            raise self._unexpected()
        return Query(
            entity=entity,
            fields=fields,
            alternatives=alternatives,
            order=order,
            descending=descending,
            limit=limit,
            offset=offset,
        )

    def _split(self) -> Iterator[_Token]:
        at, text = 0, self._soql.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                raise malformed(self._soql, at + 1, f"unexpected token: '{text[at:].strip()[:1]}'")
            yield _Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup) + 1)
            at = match.end()
        yield _Token("end", "<EOF>", len(text) + 1)

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._next
        self._at += token.kind != "end"
        return token

    def _is(self, *texts: str) -> bool:
        return self._next.kind in ("word", "sign") and self._next.text.upper() in texts

    def _accept(self, *texts: str) -> bool:
        if self._is(*texts):
            self._take()
            return True
        return False

    def _word(self, text: str) -> None:
        if not self._accept(text):
            raise self._unexpected()

    def _unexpected(self) -> SalesforceError:
        return malformed(self._soql, self._next.column, f"unexpected token: '{self._next.text}'")

    def _name(self) -> _Token:
        if self._next.kind != "word":
            raise self._unexpected()
        return self._take()

    def _whole(self) -> int:
        if self._next.kind != "number" or not self._next.text.isdigit():
            raise self._unexpected()
        return int(self._take().text)

    def _selected(self) -> list[_Token]:
        if self._is("COUNT"):
            self._take()
            self._word("(")
            self._word(")")
            return []
        names = [self._name()]
        while self._accept(","):
            names.append(self._name())
        return names

    def _entity(self) -> SObject:
        token = self._name()
        entity = OBJECTS.get(token.text.lower())
        if entity is None:
            raise at_column("INVALID_TYPE", self._soql, token.column, f"sObject type '{token.text}' is not supported.")
        return entity

    def _resolve(self, entity: SObject, name: _Token) -> Field:
        field = entity.field(name.text)
        if field is None:
            raise no_such_column(self._soql, name.column, name.text, entity.name)
        return field

    def _any_of(self, entity: SObject) -> tuple[Condition, ...]:
        """Read conditions up to the end of their level; return the alternatives that they amount to."""
        found = self._one(entity)
        joined = self._next.text.upper()
        while self._is("AND", "OR"):
            if not self._is(joined):
                raise self._unexpected()
            self._take()
            more = self._one(entity)
            found = (*found, *more) if joined == "OR" else tuple(one.both(other) for one in found for other in more)
            if len(found) > _MOST_ALTERNATIVES:
                raise malformed(self._soql, self._next.column, "this simulator does not read so many alternatives")
        return found

    def _one(self, entity: SObject) -> tuple[Condition, ...]:
        if self._accept("NOT"):
            denied = self._one(entity)
            return (Condition(tests=(lambda row: not any(each.holds(row) for each in denied),)),)
        if self._accept("("):
            found = self._any_of(entity)
            self._word(")")
            return found
        field = self._resolve(entity, self._name())
        operator = self._operator()
        if operator in ("IN", "NOT IN"):
            return self._listed(entity, field, denied=operator == "NOT IN")
        column, value = self._next.column, self._value(field)
        return (self._condition(entity, field, operator, value, column),)

    def _listed(self, entity: SObject, field: Field, *, denied: bool) -> tuple[Condition, ...]:
        self._word("(")
        column, values = self._next.column, [self._value(field)]
        while self._accept(","):
            values.append(self._value(field))
        self._word(")")
        if field.name == "Id" and not denied:
            return tuple(self._condition(entity, field, "=", value, column) for value in values)
        chosen = frozenset(values)
        return (_tested(field, lambda value: (value in chosen) is not denied),)

    def _operator(self) -> str:
        if self._accept("NOT"):
            self._word("IN")
            return "NOT IN"
        if not self._is("=", "!=", "<>", "<", "<=", ">", ">=", "LIKE", "IN"):
            raise self._unexpected()
        operator = self._take().text.upper()
        return "!=" if operator == "<>" else operator

    def _value(self, field: Field) -> Value:
        token = self._take()
        quoted = token.kind == "text"
        if token.text.upper() == "NULL" and token.kind == "word":
            return None
        if field.kind == "datetime":
            moment = instants.parse(token.text) if token.kind == "time" and "T" in token.text else None
            if moment is None:
                raise self._wrong_type(field, "dateTime", quoted=quoted)
            return moment
        if field.kind == "boolean":
            if token.text.upper() not in ("TRUE", "FALSE") or quoted:
                raise self._wrong_type(field, "boolean", quoted=quoted)
            return token.text.upper() == "TRUE"
        if field.kind == "double":
            if token.kind != "number":
                raise self._wrong_type(field, "double", quoted=quoted)
            return float(token.text)
        if not quoted:
            raise self._wrong_type(field, field.kind, quoted=None)
        return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), token.text[1:-1])

    def _wrong_type(self, field: Field, kind: str, *, quoted: bool | None) -> SalesforceError:
        should = "should be enclosed in quotes" if quoted is None else "should not be enclosed in quotes"
        return SalesforceError(
            400,
            "INVALID_FIELD",
            f"value of filter criterion for field '{field.name}' must be of type {kind} and {should}",
        )

    def _condition(self, entity: SObject, field: Field, operator: str, value: Value, column: int) -> Condition:
        if operator in _RANGES and value is not None:
            if field.name == "SystemModstamp":
                low, high = _RANGES[operator](int(value))
                return Condition(bounds=Bounds(stamp_low=low, stamp_high=high))
            if field.name == "Id":
                index = index_of(entity.prefix, str(value))
                if index is None:
                    raise at_column("INVALID_QUERY_FILTER_OPERATOR", self._soql, column, f"invalid ID field: {value}")
                low, high = _RANGES[operator](index)
                return Condition(bounds=Bounds(index_low=max(low, 0), index_high=high))
        if operator == "LIKE":
            pattern = re.compile(_like(str(value)), re.IGNORECASE | re.DOTALL)
            return _tested(field, lambda shown: isinstance(shown, str) and pattern.fullmatch(shown) is not None)
        return _tested(field, _compared(operator, value))

    def _ordered(self, entity: SObject) -> tuple[Order, bool]:
        self._word("BY")
        names: list[str] = []
        directions: set[str] = set()
        while True:
            token = self._name()
            names.append(self._resolve(entity, token).name)
            directions.add(self._take().text.upper() if self._is("ASC", "DESC") else "ASC")
            if self._accept("NULLS") and not self._accept("FIRST", "LAST"):
                raise self._unexpected()
            if not self._accept(","):
                break
        order = {"SystemModstamp": Order.STAMP, "Id": Order.INDEX, "CreatedDate": Order.INDEX}.get(names[0])
        if order is None or names[1:] not in ([], ["Id"]) or len(directions) > 1:
            raise malformed(
                self._soql, self._next.column, "this simulator orders by SystemModstamp, Id or CreatedDate, one way"
            )
        return order, directions == {"DESC"}


_RANGES: Final[dict[str, Callable[[int], tuple[int, int]]]] = {
    "=": lambda value: (value, value),
    ">": lambda value: (value + 1, END),
    ">=": lambda value: (value, END),
    "<": lambda value: (-END, value - 1),
    "<=": lambda value: (-END, value),
}


def _tested(field: Field, fits: Callable[[Value], bool]) -> Condition:
    read = field.read
    test: Test = lambda row: fits(read(row))  # noqa: E731 - a def would shadow the reader for mypy
    return Condition(tests=(test,))


def _compared(operator: str, value: Value) -> Callable[[Value], bool]:
    """Return a comparison as SOQL makes it: texts without case, and only `=` and `!=` for null."""

    def key(shown: Value) -> Value:
        return shown.lower() if isinstance(shown, str) else shown

    wanted = key(value)
    match operator:
        case "=":
            return lambda shown: key(shown) == wanted
        case "!=":
            return lambda shown: key(shown) != wanted
    sign = {"<": (-1,), "<=": (-1, 0), ">": (1,), ">=": (1, 0)}[operator]

    def compare(shown: Value) -> bool:
        mine = key(shown)
        if isinstance(mine, str) and isinstance(wanted, str):
            return (mine > wanted) - (mine < wanted) in sign
        if isinstance(mine, int | float) and isinstance(wanted, int | float):
            return (mine > wanted) - (mine < wanted) in sign
        return False

    return compare


def _like(pattern: str) -> str:
    return "".join({"%": ".*", "_": "."}.get(letter, re.escape(letter)) for letter in pattern)


def shown(query: Query, row: Row) -> dict[str, object]:
    """Return a row as a record of the query's answer, without its `attributes`."""
    return {field.name: field.json(row) for field in query.fields}
