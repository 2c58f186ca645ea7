from typing import Any

import msgspec
import pytest

from libs.simulators.crm.people import People
from libs.simulators.crm.table import FIRST_STAMP_MS, Stamps, Table
from libs.simulators.hubspot import search
from libs.simulators.hubspot.contacts import FIRST_ID
from libs.simulators.hubspot.errors import HubSpotError


def find(table: Table, *groups: list[dict[str, Any]], **rest: Any) -> search.Found:
    body = {"filterGroups": [{"filters": filters} for filters in groups], "limit": 200, **rest}
    return search.run(table, table.layer, search.parse(msgspec.json.encode(body)))


def stamp(operator: str, value: object, **more: object) -> dict[str, Any]:
    return {"propertyName": "lastmodifieddate", "operator": operator, "value": value, **more}


def of_id(operator: str, index: int, **more: object) -> dict[str, Any]:
    return {"propertyName": "hs_object_id", "operator": operator, "value": str(FIRST_ID + index), **more}


@pytest.fixture
def table() -> Table:
    return Table(People(1), 300, stamps=Stamps(step_ms=1000, rows_per_stamp=1))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (of_id("EQ", 150), range(150, 151)),
        (of_id("GT", 150), range(151, 300)),
        (of_id("GTE", 150), range(150, 300)),
        (of_id("LT", 150), range(150)),
        (of_id("LTE", 150), range(151)),
        (of_id("BETWEEN", 150, highValue=str(FIRST_ID + 152)), range(150, 153)),
        (stamp("GTE", FIRST_STAMP_MS + 150_000), range(150, 300)),
        (stamp("GT", str(FIRST_STAMP_MS + 150_000)), range(151, 300)),
        (stamp("LT", "2024-01-01T00:02:30Z"), range(150)),
        (stamp("EQ", FIRST_STAMP_MS + 150_000), range(150, 151)),
    ],
)
def test_ids_and_stamps_are_compared_as_numbers(table: Table, condition: dict[str, Any], expected: range) -> None:
    found = find(table, [condition])
    assert found.total == len(expected)
    assert found.indexes == list(expected)[:200]


def test_filters_in_a_group_must_all_hold_and_one_group_is_enough(table: Table) -> None:
    keyset = find(table, [of_id("LT", 2)], [of_id("GTE", 10), stamp("LTE", FIRST_STAMP_MS + 11_000)])
    assert keyset.indexes == [0, 1, 10, 11]


def test_groups_that_overlap_find_a_contact_once(table: Table) -> None:
    assert find(table, [of_id("LT", 3)], [of_id("LT", 2)]).indexes == [0, 1, 2]


def test_any_other_property_is_compared_as_text_without_case(table: Table) -> None:
    person = next(table.row(index).person for index in range(300) if table.row(index).person.email)
    email = (person.email or "").swapcase()
    found = find(table, [{"propertyName": "email", "operator": "EQ", "value": email}])
    assert person.index in found.indexes


def test_contacts_with_and_without_a_value_are_told_apart(table: Table) -> None:
    with_phone = find(table, [{"propertyName": "phone", "operator": "HAS_PROPERTY"}])
    without = find(table, [{"propertyName": "phone", "operator": "NOT_HAS_PROPERTY"}])
    assert with_phone.total + without.total == 300
    assert all(table.row(index).person.phone is None for index in without.indexes)


def test_only_the_first_sort_counts(table: Table) -> None:
    table.touch([5], FIRST_STAMP_MS + 999_000)
    sorts = [{"propertyName": "lastmodifieddate", "direction": "DESCENDING"}, "hs_object_id"]
    assert find(table, sorts=sorts).indexes[:2] == [5, 299]


def test_without_a_sort_contacts_come_by_age(table: Table) -> None:
    table.touch([5], FIRST_STAMP_MS + 999_000)
    assert find(table).indexes[:7] == [0, 1, 2, 3, 4, 5, 6]


def test_deleted_contacts_are_not_found(table: Table) -> None:
    table.delete([5], FIRST_STAMP_MS + 999_000)
    assert 5 not in find(table).indexes


def test_the_cursor_is_the_number_of_contacts_passed(table: Table) -> None:
    assert find(table).next_after == 200
    last = find(table, after="200")
    assert last.indexes == list(range(200, 300))
    assert last.next_after is None


def test_the_ten_thousandth_result_is_the_last_that_can_be_had() -> None:
    table = Table(People(1), 10_500)
    edge = find(table, after="9800")
    assert (edge.total, len(edge.indexes), edge.next_after) == (10_500, 200, 10_000)
    assert len(find(table, after="9900").indexes) == 100
    with pytest.raises(HubSpotError) as refused:
        find(table, after="10000")
    assert (refused.value.status, refused.value.body["category"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"after": "soon"},
        {"filterGroups": [{"filters": []}] * 6},
        {"filterGroups": [{"filters": [of_id("EQ", 1)] * 7}]},
        {"filterGroups": [{"filters": [of_id("EQ", 1)] * 5}] * 4},
        {"filterGroups": [{"filters": [{"propertyName": "nickname", "operator": "EQ", "value": "x"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "email", "operator": "GT", "value": "x"}]}]},
        {"filterGroups": [{"filters": [stamp("GT", "yesterday")]}]},
        {"sorts": [{"propertyName": "email", "direction": "ASCENDING"}]},
        {"sorts": [{"propertyName": "hs_object_id", "direction": "UP"}]},
        {"filterGroups": "all"},
    ],
)
def test_what_does_not_fit_is_a_validation_error(table: Table, body: dict[str, Any]) -> None:
    with pytest.raises(HubSpotError) as refused:
        search.run(table, table.layer, search.parse(msgspec.json.encode(body)))
    assert (refused.value.status, refused.value.body["category"]) == (400, "VALIDATION_ERROR")
