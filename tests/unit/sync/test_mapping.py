"""From a source's row to a lead's fields."""

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.handles import normal_email, normal_phone
from libs.common.integrations.model import Provider
from services.sync.rules.field_map import DEFAULTS, FieldMap
from services.sync.rules.mapping import RowMapper
from services.sync.rules.rows import MappedRow, RowProblem, SourceRow
from tests.unit.sync.factories import a_source_row

MAPPER = RowMapper(DEFAULTS[Provider.HUBSPOT], region="US")
WITH_FULL_NAME = RowMapper(
    FieldMap(first_name=("first",), last_name=("last",), full_name=("name",), phone=("phone",)), region="US"
)


def mapped(row: SourceRow, mapper: RowMapper = MAPPER) -> MappedRow:
    result = mapper.map_row(row, fingerprint=0)
    assert isinstance(result, MappedRow)
    return result


def refused(row: SourceRow) -> tuple[RowProblem, ...]:
    result = MAPPER.map_row(row, fingerprint=0)
    assert isinstance(result, tuple)
    return result


def test_a_row_is_cleaned_and_normalised() -> None:
    row = a_source_row("7", firstname="  Anna ", lastname="Miller", email=" Anna@Example.ORG ", phone="(415) 555-2671")
    assert mapped(row).values == {
        "firstName": "Anna",
        "lastName": "Miller",
        "email": "anna@example.org",
        "phone": "+14155552671",
    }


def test_a_mobile_number_comes_before_a_landline() -> None:
    row = a_source_row(phone="415 555 0100", mobilephone="415 555 2671")
    assert mapped(row).values["phone"] == "+14155552671"


def test_a_landline_stands_in_for_a_mobile_number_that_is_wrong() -> None:
    row = mapped(a_source_row(phone="415 555 2671", mobilephone="call me"))
    assert row.values["phone"] == "+14155552671"
    assert row.problems == ()


def test_numbers_without_a_country_code_are_read_in_the_region() -> None:
    german = RowMapper(DEFAULTS[Provider.HUBSPOT], region="DE")
    assert mapped(a_source_row(phone="0151 23456789"), german).values["phone"] == "+4915123456789"


def test_a_number_that_a_sheet_took_the_plus_from_is_read_with_its_country_code() -> None:
    assert mapped(a_source_row(phone="4915123456789")).values["phone"] == "+4915123456789"


def test_a_wrong_phone_beside_a_good_email_is_left_out_and_said() -> None:
    row = mapped(a_source_row("7", phone="call me", email="a@example.org"))
    assert row.values == {"email": "a@example.org"}
    assert [(each.place, each.field, each.value, each.reason, each.fatal) for each in row.problems] == [
        ("7", "phone", "call me", "invalid_phone", False)
    ]


@pytest.mark.parametrize(
    ("values", "reasons"),
    [
        ({"firstname": "Anna"}, ["no_contact"]),
        ({"phone": "n/a", "email": ""}, ["no_contact"]),
        ({"phone": "call me"}, ["invalid_phone"]),
        ({"email": "anna@@example.org"}, ["invalid_email"]),
        ({"phone": "12", "email": "anna@"}, ["invalid_phone", "invalid_email"]),
    ],
)
def test_a_row_without_a_valid_handle_is_refused_with_its_reasons(values: dict[str, Any], reasons: list[str]) -> None:
    problems = refused(a_source_row(**values))
    assert [problem.reason for problem in problems] == reasons
    assert all(problem.fatal for problem in problems)


def test_a_refused_value_is_kept_in_short() -> None:
    (problem,) = refused(a_source_row(phone="9" * 500))
    assert len(problem.value) == 80
    assert problem.value.endswith("…")


def test_a_full_name_fills_first_and_last_name() -> None:
    row = SourceRow(place="2", external_id="", values={"name": "Jan van der Berg", "phone": "4155552671"})
    assert mapped(row, WITH_FULL_NAME).values == {
        "firstName": "Jan",
        "lastName": "van der Berg",
        "phone": "+14155552671",
    }


def test_a_first_name_of_its_own_comes_before_the_split_one() -> None:
    values = {"first": "Jan", "name": "Jan Berg", "phone": "4155552671"}
    row = SourceRow(place="2", external_id="", values=values)
    assert mapped(row, WITH_FULL_NAME).values["lastName"] == "Berg"


def test_a_row_without_an_identity_is_identified_by_its_handle() -> None:
    row = SourceRow(place="2", external_id="", values={"phone": "415-555-2671", "email": "a@example.org"})
    assert mapped(row).external_id == "+14155552671"
    row = SourceRow(place="2", external_id="", values={"email": "A@example.org"})
    assert mapped(row).external_id == "a@example.org"


def test_an_identity_that_is_a_novel_is_refused() -> None:
    (problem,) = refused(SourceRow(place="2", external_id="x" * 501, values={"phone": "4155552671"}))
    assert problem.reason == "no_external_id"


def test_a_fingerprint_follows_values_field_map_and_region() -> None:
    row = a_source_row(firstname="Anna", phone="4155552671")
    prints = {
        MAPPER.fingerprint(row),
        MAPPER.fingerprint(a_source_row(firstname="Anne", phone="4155552671")),
        RowMapper(DEFAULTS[Provider.HUBSPOT], region="CA").fingerprint(row),
        WITH_FULL_NAME.fingerprint(row),
    }
    assert len(prints) == 4


def test_a_fingerprint_ignores_what_is_not_mapped_and_tells_fields_apart() -> None:
    row = a_source_row(firstname="Anna", lastname="")
    assert MAPPER.fingerprint(row) == MAPPER.fingerprint(a_source_row(firstname="Anna", company="Acme"))
    assert MAPPER.fingerprint(row) != MAPPER.fingerprint(a_source_row(firstname="", lastname="Anna"))


def test_a_fingerprint_is_the_same_in_another_process() -> None:
    code = (
        "from services.sync.rules.mapping import RowMapper; from services.sync.rules.field_map import DEFAULTS\n"
        "from services.sync.rules.rows import SourceRow\n"
        "print(RowMapper(DEFAULTS['hubspot'], region='US').fingerprint("
        "SourceRow(place='1', external_id='1', values={'firstname': 'Anna'})))"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(there.stdout) == MAPPER.fingerprint(a_source_row(firstname="Anna"))


@given(st.dictionaries(st.sampled_from(["firstname", "lastname", "email", "phone", "mobilephone"]), st.text()))
def test_any_row_is_either_mapped_with_valid_handles_or_refused_with_a_reason(values: dict[str, str]) -> None:
    result = MAPPER.map_row(a_source_row(**values), fingerprint=0)
    if isinstance(result, tuple):
        assert result
        return
    assert "phone" in result.values or "email" in result.values
    assert all(result.values.values())
    if phone := result.values.get("phone"):
        assert normal_phone(phone, region="US") == phone
    if email := result.values.get("email"):
        assert normal_email(email) == email
