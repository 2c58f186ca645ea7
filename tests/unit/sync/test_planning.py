"""What a page of rows does to the leads."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from libs.common.integrations.model import MatchBy
from services.sync.rules.leads import external_key, handle_keys
from tests.unit.sync.factories import (
    HUBSPOT_ID,
    SALESFORCE_ID,
    a_lead,
    a_link,
    a_row,
    a_source_row,
    on_day,
    plan_rules,
    planned,
)

ANNA = {"firstName": "Anna", "phone": "+14155552671", "email": "anna@example.org"}


def test_a_new_person_becomes_a_lead_with_its_keys() -> None:
    plan = planned(a_row("7", ANNA))
    (lead,) = plan.made
    assert lead.values == ANNA
    assert lead.keys == {f"x:{HUBSPOT_ID}:7", "p:+14155552671", "e:anna@example.org"}
    assert (plan.created, plan.updated) == (1, 0)


def test_two_rows_of_one_person_become_one_lead() -> None:
    plan = planned(a_row("7", ANNA), a_row("8", {"phone": ANNA["phone"], "lastName": "Miller"}))
    (lead,) = plan.made
    assert lead.values == {**ANNA, "lastName": "Miller"}
    assert [link.external_id for link in lead.links] == ["7", "8"]
    assert (plan.created, plan.updated) == (1, 1)


def test_a_row_finds_its_lead_by_its_identity_even_when_its_handles_changed() -> None:
    lead = a_lead(ANNA, a_link("7", ANNA))
    plan = planned(a_row("7", {"firstName": "Anna", "phone": "+14155550000"}, fingerprint=2), leads=(lead,))
    (change,) = plan.changed
    assert change.after.values == {**ANNA, "phone": "+14155550000"}
    assert "p:+14155552671" not in change.after.keys
    assert "p:+14155550000" in change.after.keys


def test_a_match_by_phone_counts_more_than_one_by_email() -> None:
    by_phone, by_email = a_lead({"phone": ANNA["phone"]}), a_lead({"email": ANNA["email"]})
    plan = planned(a_row("7", ANNA), leads=(by_phone, by_email))
    (change,) = plan.changed
    assert change.before is by_phone


def test_a_handle_of_another_lead_is_refused_and_said_and_tried_again() -> None:
    by_phone, by_email = a_lead({"phone": ANNA["phone"]}), a_lead({"email": ANNA["email"]})
    plan = planned(a_row("7", ANNA, fingerprint=5), leads=(by_phone, by_email))
    (change,) = plan.changed
    (problem,) = plan.problems
    assert (problem.field, problem.value, problem.reason) == ("email", ANNA["email"], "belongs_to_another_lead")
    assert "email" not in change.after.values
    assert "e:anna@example.org" not in change.after.keys
    assert change.after.links[0].fingerprint == 0


def test_a_row_that_changes_nothing_writes_nothing() -> None:
    lead = a_lead(ANNA, a_link("7", ANNA, fingerprint=5))
    plan = planned(a_row("7", ANNA, fingerprint=5), leads=(lead,))
    assert (plan.unchanged, plan.changed) == (1, [])


def test_a_refused_change_is_remembered_as_seen() -> None:
    lead = a_lead({**ANNA, "firstName": "Annie"}, a_link("7", ANNA), updated_at=on_day(0.5))
    plan = planned(a_row("7", {**ANNA, "firstName": "Ann"}, fingerprint=2), leads=(lead,))
    (change,) = plan.changed
    assert change.after.values["firstName"] == "Annie"
    assert change.after.links[0].seen["firstName"] == "Ann"
    assert change.after.edited_at == on_day(0.5)


def test_after_a_person_changed_a_number_the_old_one_still_finds_the_lead() -> None:
    lead = a_lead({"phone": "+14155550000"}, a_link("7", {"phone": "+14155552671"}), updated_at=on_day(0.5))
    plan = planned(a_row("9", {"phone": "+14155552671"}), leads=(lead,), rules=plan_rules(SALESFORCE_ID))
    assert plan.made == []
    (change,) = plan.changed
    assert change.after.values == {"phone": "+14155550000"}


def test_a_handle_that_a_lead_gives_up_goes_to_the_one_that_shares_it() -> None:
    keeper = a_lead(ANNA, a_link("7", ANNA))
    sharer = msgspec.structs.replace(
        a_lead({"email": ANNA["email"]}), keys=frozenset(), shared_keys=frozenset({"e:anna@example.org"})
    )
    moves_on = {**ANNA, "email": "new@example.org"}
    plan = planned(a_row("7", moves_on, fingerprint=2), a_row("8", {"email": ANNA["email"]}), leads=(keeper, sharer))
    assert plan.made == []
    changes = {change.before.id: change.after for change in plan.changed}
    assert [link.external_id for link in changes[sharer.id].links] == ["8"]
    assert "e:anna@example.org" in changes[sharer.id].keys
    assert changes[sharer.id].shared_keys == frozenset()


def test_where_mailboxes_are_shared_the_email_makes_no_match() -> None:
    rules = plan_rules(match_by=(MatchBy.PHONE,))
    partner = {"phone": "+14155550000", "email": ANNA["email"]}
    plan = planned(a_row("7", ANNA), a_row("8", partner), rules=rules)
    assert [lead.values for lead in plan.made] == [ANNA, partner]


def test_the_same_identity_in_two_accounts_is_two_rows() -> None:
    lead = a_lead({"phone": "+14155550000"}, a_link("7", {"phone": "+14155550000"}))
    plan = planned(a_row("7", ANNA), leads=(lead,), rules=plan_rules(SALESFORCE_ID))
    assert len(plan.made) == 1


def test_a_lead_whose_row_was_deleted_stays_and_says_so() -> None:
    lead = a_lead(ANNA, a_link("7", ANNA))
    plan = planned(leads=(lead,), removed=(a_source_row("7"), a_source_row("8")))
    (change,) = plan.changed
    assert change.after.links[0].removed_at == on_day(1)
    assert change.after.values == ANNA
    assert (plan.updated, plan.skipped) == (1, 1)


def test_a_row_that_came_back_is_no_longer_marked_as_deleted() -> None:
    lead = a_lead(ANNA, a_link("7", ANNA, removed_at=on_day(0)))
    plan = planned(a_row("7", ANNA), leads=(lead,))
    (change,) = plan.changed
    assert change.after.links[0].removed_at is None


def test_a_lead_that_an_earlier_server_brought_keeps_the_key_of_its_source() -> None:
    key = external_key("65a0000000000000000000aa", "55")
    lead = a_lead(ANNA)
    lead = msgspec.structs.replace(lead, source_key=key, keys=lead.keys | {key})
    plan = planned(a_row("7", {**ANNA, "lastName": "Miller"}), leads=(lead,))
    (change,) = plan.changed
    assert key in change.after.keys


HANDLES = st.fixed_dictionaries(
    {},
    optional={
        "phone": st.sampled_from(["+14155550001", "+14155550002", "+14155550003"]),
        "email": st.sampled_from(["a@example.org", "b@example.org", "c@example.org"]),
        "firstName": st.sampled_from(["Anna", "Bob"]),
    },
).filter(lambda values: "phone" in values or "email" in values)
ROWS = st.lists(st.tuples(st.sampled_from("1234"), HANDLES), min_size=1, max_size=12)


@given(ROWS)
def test_no_two_leads_share_a_key_or_a_handle_whatever_the_rows(rows: list[tuple[str, dict[str, Any]]]) -> None:
    plan = planned(*(a_row(row_id, values, fingerprint=place + 1) for place, (row_id, values) in enumerate(rows)))
    keys = [key for lead in plan.made for key in lead.keys]
    assert len(keys) == len(set(keys))
    handles = [key for lead in plan.made for key in handle_keys(lead.values)]
    assert len(handles) == len(set(handles))
    assert plan.created + plan.updated + plan.unchanged == len(rows)
    assert all(set(handle_keys(lead.values)) <= lead.keys for lead in plan.made)


@given(ROWS)
def test_the_same_page_again_changes_nothing(rows: list[tuple[str, dict[str, Any]]]) -> None:
    latest = dict(rows)
    page = [a_row(row_id, values) for row_id, values in latest.items()]
    first = planned(*page)
    again = planned(*page, leads=tuple(first.made))
    assert (again.made, again.changed, again.updated) == ([], [], 0)
