"""Who wrote a field last: the source or a person."""

from datetime import datetime

import pytest

from services.sync.rules.leads import Lead, Link
from services.sync.rules.merging import merged_values
from tests.unit.sync.factories import MONDAY, SALESFORCE_ID, a_lead, a_link, on_day


def merged(
    lead: Lead, row: dict[str, str], *, link: Link | None, source_read_at: datetime | None = None
) -> dict[str, str]:
    return merged_values(lead, row, link=link, source_read_at=source_read_at, region="US")


def synced_lead(**values: str) -> tuple[Lead, Link]:
    """A lead that a sync wrote on Monday and nobody has touched since."""
    link = a_link("1", values)
    return a_lead(values, link), link


def edited_lead(
    brought: dict[str, str], now: dict[str, str], *, edited: datetime, read: datetime = MONDAY
) -> tuple[Lead, Link]:
    link = a_link("1", brought, read_at=read)
    return a_lead(now, link, updated_at=edited, synced_at=read), link


def test_a_change_of_the_source_is_taken() -> None:
    lead, link = synced_lead(firstName="Bob", phone="+14155552671")
    assert merged(lead, {"firstName": "Robert", "phone": "+14155552671"}, link=link) == {"firstName": "Robert"}


def test_what_the_source_has_not_changed_stays_as_a_person_edited_it() -> None:
    lead, link = edited_lead({"firstName": "Bob"}, {"firstName": "Bobby"}, edited=on_day(1))
    assert merged(lead, {"firstName": "Bob"}, link=link, source_read_at=on_day(9)) == {}


def test_an_edit_wins_over_a_change_that_may_be_older() -> None:
    lead, link = edited_lead({"firstName": "Bob"}, {"firstName": "Bobby"}, edited=on_day(1))
    assert merged(lead, {"firstName": "Robert"}, link=link) == {}


def test_a_change_wins_over_an_edit_that_is_known_to_be_older() -> None:
    lead, link = edited_lead({"firstName": "Bob"}, {"firstName": "Bobby"}, edited=on_day(1))
    read_with_the_old_value = on_day(2)
    assert merged(lead, {"firstName": "Robert"}, link=link, source_read_at=read_with_the_old_value) == {
        "firstName": "Robert"
    }


def test_an_edit_at_the_very_moment_of_reading_wins() -> None:
    lead, link = edited_lead({"firstName": "Bob"}, {"firstName": "Bobby"}, edited=on_day(2))
    assert merged(lead, {"firstName": "Robert"}, link=link, source_read_at=on_day(2)) == {}


def test_an_edit_that_an_earlier_sync_noticed_is_remembered() -> None:
    link = a_link("1", {"firstName": "Bob"}, read_at=on_day(1))
    lead = a_lead({"firstName": "Bobby"}, link, updated_at=on_day(3), synced_at=on_day(3), edited_at=on_day(2))
    assert merged(lead, {"firstName": "Robert"}, link=link) == {}


def test_a_field_that_a_person_emptied_stays_empty() -> None:
    lead, link = edited_lead({"phone": "+14155552671"}, {}, edited=on_day(1))
    assert merged(lead, {"phone": "+14155552671"}, link=link, source_read_at=on_day(9)) == {}
    assert merged(lead, {"phone": "+14155552672"}, link=link) == {}
    assert merged(lead, {"phone": "+14155552673"}, link=None) == {}


def test_a_source_that_meets_a_lead_fills_what_is_empty_and_overwrites_nothing() -> None:
    lead = a_lead({"firstName": "Bobby", "phone": "(415) 555-2671"})
    row = {"firstName": "Robert", "lastName": "Miller", "phone": "+14155552671", "email": "b@example.org"}
    assert merged(lead, row, link=None) == {"lastName": "Miller", "email": "b@example.org"}


def test_a_source_never_empties_a_field() -> None:
    lead, link = synced_lead(firstName="Bob", lastName="Miller")
    assert merged(lead, {"firstName": "Bob"}, link=link) == {}


def test_a_change_wins_over_what_another_source_brought() -> None:
    ours, theirs = a_link("1", {"firstName": "Bob"}), a_link("9", {"firstName": "Robert"}, integration_id=SALESFORCE_ID)
    lead = a_lead({"firstName": "Robert"}, ours, theirs)
    assert merged(lead, {"firstName": "Bobby"}, link=ours) == {"firstName": "Bobby"}


def test_a_value_that_another_source_changed_is_not_changed_back() -> None:
    ours, theirs = a_link("1", {"firstName": "Bob"}), a_link("9", {"firstName": "Robert"}, integration_id=SALESFORCE_ID)
    lead = a_lead({"firstName": "Robert"}, ours, theirs)
    assert merged(lead, {"firstName": "Bob"}, link=ours) == {}


def test_what_a_person_typed_stays_theirs_even_when_another_source_says_the_same() -> None:
    ours = a_link("1", {"firstName": "Bob"})
    theirs = a_link("9", {"firstName": "Bobby"}, integration_id=SALESFORCE_ID, read_at=on_day(2))
    lead = a_lead(
        {"firstName": "Bobby"},
        ours,
        theirs,
        updated_at=on_day(2),
        synced_at=on_day(2),
        edited_at=on_day(1),
        written={"firstName": "Bob"},
    )
    assert merged(lead, {"firstName": "Robert"}, link=ours) == {}


@pytest.mark.parametrize("typed", ["(415) 555-2671", "+1 415 555 2671", " 4155552671 "])
def test_the_same_number_in_another_spelling_is_no_edit(typed: str) -> None:
    lead, link = edited_lead({"phone": "+14155552671"}, {"phone": typed}, edited=on_day(1))
    assert merged(lead, {"phone": "+14155552672"}, link=link) == {"phone": "+14155552672"}


def test_a_number_that_the_lead_has_in_another_spelling_is_no_change() -> None:
    lead, link = edited_lead({"phone": "+14155550000"}, {"phone": "415-555-2671"}, edited=on_day(1))
    assert merged(lead, {"phone": "+14155552671"}, link=link, source_read_at=on_day(2)) == {}
