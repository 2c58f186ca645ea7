"""HubSpot's contact search: filter groups, one sort, pages by offset, and the edge at 10,000 results.

Confirmed in HubSpot's search guide (developers.hubspot.com/docs/api-reference/search/guide, as quoted by several who
opened it): filter groups are OR-ed, filters within one AND-ed; at most 5 groups, 6 filters in a group, 18 in all; 200
results a page; *one* sort rule; paging beyond 10,000 results answers 400; archived contacts never appear; new and
changed contacts appear after a moment. That HubSpot ignores a second sort rule, rather than refusing it, is a third
party's word. A page that would cross the edge is cut at it here, and `paging.next` still points past it, as those who
ran into the 400 report.

Two things follow for whoever reads all changes. Ties in `lastmodifieddate` are not broken by a second sort, and more
than 10,000 contacts can share one stamp (bulk updates give thousands the same one, and looped a well-known connector
for ever: airbytehq/airbyte#43317). Sorting by `hs_object_id`, with the stamps as filters, has neither problem.

Conditions on `lastmodifieddate` and `hs_object_id` cost nothing; any other condition walks over all rows that those
leave.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from libs.simulators.crm import instants
from libs.simulators.crm.conditions import Condition, Test, select
from libs.simulators.crm.ordering import END, Bounds, Order, Selection
from libs.simulators.crm.table import Layer, Table
from libs.simulators.hubspot.contacts import FIRST_ID, PROPERTIES, Property
from libs.simulators.hubspot.errors import invalid

MAX_PAGE: Final = 200
MAX_RESULTS: Final = 10_000
MAX_GROUPS: Final = 5
MAX_FILTERS_IN_GROUP: Final = 6
MAX_FILTERS: Final = 18

_ValueTest = Callable[[str | None], bool]


class Filter(msgspec.Struct, frozen=True, rename="camel"):
    """One condition on one property."""

    property_name: str
    operator: str
    value: str | int | float | bool | None = None
    high_value: str | int | float | None = None
    values: tuple[str | int | float, ...] = ()


class FilterGroup(msgspec.Struct, frozen=True):
    """Conditions that must all hold."""

    filters: tuple[Filter, ...] = ()


class Sort(msgspec.Struct, frozen=True, rename="camel"):
    """What to order by."""

    property_name: str
    direction: str = "ASCENDING"


class SearchRequest(msgspec.Struct, frozen=True, rename="camel"):
    """The body of `POST /crm/v3/objects/contacts/search`; everything may be left out."""

    filter_groups: tuple[FilterGroup, ...] = ()
    sorts: tuple[Sort | str, ...] = ()
    properties: tuple[str, ...] = ()
    limit: int = 10
    after: str | int | None = None
    query: str | None = None


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a search."""

    total: int
    indexes: list[int]
    next_after: int | None


def parse(body: bytes) -> SearchRequest:
    """Return a request body as a search.

    Raises:
        HubSpotError: 400, where it is not JSON of the right shape or goes over a documented limit.

    """
    try:
        request = msgspec.json.decode(body or b"{}", type=SearchRequest)
    except msgspec.DecodeError as error:
        raise invalid(f"Invalid input JSON: {error}") from error
    if not 0 <= request.limit <= MAX_PAGE:
        raise invalid(f"limit must be between 0 and {MAX_PAGE}", limit=str(request.limit))
    if len(request.filter_groups) > MAX_GROUPS:
        raise invalid(f"at most {MAX_GROUPS} filterGroups are allowed")
    counts = [len(group.filters) for group in request.filter_groups]
    if any(count > MAX_FILTERS_IN_GROUP for count in counts) or sum(counts) > MAX_FILTERS:
        raise invalid(f"at most {MAX_FILTERS_IN_GROUP} filters in a group and {MAX_FILTERS} in all are allowed")
    if request.query is not None:
        raise invalid("this simulator does not search by free text: leave query out")
    return request


def run(table: Table, layer: Layer, request: SearchRequest) -> Found:
    """Return one page of the contacts that a search finds in a layer.

    Raises:
        HubSpotError: 400 for an unknown property or operator, a value that does not fit, or a page past the edge.

    """
    after = str(request.after or 0)
    if not after.isdigit():
        raise invalid("after must be a number", after=after)
    offset = int(after)
    if offset >= MAX_RESULTS:
        raise invalid(f"The search results are limited to {MAX_RESULTS} total results for any given query", after=after)
    order, descending = _order(request.sorts)
    selection = _select(table, layer, request.filter_groups, order)
    limit = min(request.limit, MAX_RESULTS - offset)
    after_this = offset + limit
    return Found(
        total=selection.total,
        indexes=selection.page(offset, limit, descending=descending),
        next_after=after_this if limit and after_this < selection.total else None,
    )


@lru_cache(maxsize=16)
def _select(table: Table, layer: Layer, groups: tuple[FilterGroup, ...], order: Order) -> Selection:
    return select(table, layer, tuple(_condition(group) for group in groups) or (Condition(),), order=order)


def _order(sorts: Sequence[Sort | str]) -> tuple[Order, bool]:
    if not sorts:
        return Order.INDEX, False
    first = sorts[0]
    if isinstance(first, str):
        first = Sort(first.lstrip("-"), "DESCENDING" if first.startswith("-") else "ASCENDING")
    if first.direction not in ("ASCENDING", "DESCENDING"):
        raise invalid("direction must be ASCENDING or DESCENDING", direction=first.direction)
    orders = {"lastmodifieddate": Order.STAMP, "hs_object_id": Order.INDEX, "createdate": Order.INDEX}
    if first.property_name not in orders:
        raise invalid(f"this simulator sorts by {', '.join(orders)} only", propertyName=first.property_name)
    return orders[first.property_name], first.direction == "DESCENDING"


def _condition(group: FilterGroup) -> Condition:
    found = Condition()
    for each in group.filters:
        wanted = PROPERTIES.get(each.property_name)
        if wanted is None:
            raise invalid(f'Property "{each.property_name}" does not exist', propertyName=each.property_name)
        if each.property_name in ("lastmodifieddate", "hs_object_id") and each.operator in _RANGES:
            found = found.both(Condition(bounds=_range(each)))
        else:
            found = found.both(Condition(tests=(_row_test(each, wanted),)))
    return found


_RANGES: Final[dict[str, Callable[[int, int], tuple[int, int]]]] = {
    "EQ": lambda value, _: (value, value),
    "GT": lambda value, _: (value + 1, END),
    "GTE": lambda value, _: (value, END),
    "LT": lambda value, _: (-END, value - 1),
    "LTE": lambda value, _: (-END, value),
    "BETWEEN": lambda value, high: (value, high),
}


def _range(each: Filter) -> Bounds:
    value = _number(each, each.value)
    high = _number(each, each.high_value) if each.operator == "BETWEEN" else value
    low, high = _RANGES[each.operator](value, high)
    if each.property_name == "lastmodifieddate":
        return Bounds(stamp_low=low, stamp_high=high)
    return Bounds(index_low=max(low - FIRST_ID, 0), index_high=high - FIRST_ID)


def _number(each: Filter, value: Any) -> int:
    number = None if value is None else instants.parse(str(value))
    if number is None:
        raise invalid(f"{value} was not a valid long.", propertyName=each.property_name)
    return number


def _row_test(each: Filter, wanted: Property) -> Test:
    read, fits = wanted.read, _value_test(each, wanted)
    return lambda row: fits(read(row))


def _value_test(each: Filter, wanted: Property) -> _ValueTest:
    """Return the test of one property's value for a condition that no index answers."""
    texts = [str(value).lower() for value in each.values]
    text = "" if each.value is None else str(each.value).lower()
    match each.operator:
        case "HAS_PROPERTY":
            return lambda shown: shown is not None
        case "NOT_HAS_PROPERTY":
            return lambda shown: shown is None
        case "EQ":
            return lambda shown: shown is not None and shown.lower() == text
        case "NEQ":
            return lambda shown: shown is not None and shown.lower() != text
        case "IN":
            return lambda shown: shown is not None and shown.lower() in texts
        case "NOT_IN":
            return lambda shown: shown is not None and shown.lower() not in texts
        case "CONTAINS_TOKEN":
            return lambda shown: shown is not None and text.strip("*") in shown.lower()
        case "GT" | "GTE" | "LT" | "LTE" | "BETWEEN" if wanted.kind in ("number", "datetime"):
            value = _number(each, each.value)
            high = _number(each, each.high_value) if each.operator == "BETWEEN" else value
            low, high = _RANGES[each.operator](value, high)
            return lambda shown: shown is not None and low <= _number(each, shown) <= high
        case _:
            raise invalid(f"operator {each.operator} does not fit", propertyName=each.property_name)
