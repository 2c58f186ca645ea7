"""Which source field fills which field of a lead."""

from typing import Any

import pytest

from libs.common.errors import InvalidInput
from libs.common.integrations.model import Provider
from services.sync.rules.field_map import guessed_from_header, read_field_map


def test_where_nothing_is_said_the_defaults_of_the_provider_hold() -> None:
    assert read_field_map({}, Provider.HUBSPOT).phone == ("mobilephone", "phone")


def test_what_is_said_replaces_one_default_and_leaves_the_others() -> None:
    read = read_field_map({"phone": "work_phone"}, Provider.HUBSPOT)
    assert (read.phone, read.email) == (("work_phone",), ("email",))


def test_an_empty_text_leaves_a_field_out() -> None:
    assert read_field_map({"lastName": ""}, Provider.HUBSPOT).last_name == ()


def test_every_source_field_is_read_once() -> None:
    read = read_field_map({"fullName": "firstname", "phone": ["phone", "phone"]}, Provider.HUBSPOT)
    assert read.source_fields == ("email", "firstname", "lastname", "phone")


@pytest.mark.parametrize(
    ("stored", "field"),
    [
        ({"telephone": "phone"}, "fieldMap.telephone"),
        ({"phone": 7}, "fieldMap.phone"),
        ({"phone": ["phone", 7]}, "fieldMap.phone"),
        ({"phone": {"field": "phone"}}, "fieldMap.phone"),
        ({"phone": [f"phone{n}" for n in range(11)]}, "fieldMap.phone"),
    ],
)
def test_a_malformed_map_is_refused_by_name(stored: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_field_map(stored, Provider.HUBSPOT)
    assert refused.value.field == field


def test_a_header_row_suggests_the_map_of_a_sheet() -> None:
    guessed = guessed_from_header(["ID", "Full Name", "Phone", "E-Mail Address", "Mobile #", "Notes"])
    assert guessed.full_name == ("Full Name",)
    assert guessed.email == ("E-Mail Address",)
    assert guessed.phone == ("Mobile #", "Phone")
    assert guessed.first_name == ()


def test_what_is_said_of_a_sheet_wins_over_its_header() -> None:
    read = read_field_map({"phone": "Cell 2"}, Provider.GOOGLE_SHEETS, header=["Name", "Phone", "Cell 2"])
    assert (read.phone, read.full_name) == (("Cell 2",), ("Name",))
