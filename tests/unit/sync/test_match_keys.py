"""Which lead goes by which key."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.sync.rules.leads import AssignedKeys, Lead, assigned_keys, external_key, lent_keys, own_keys
from tests.unit.sync.factories import HUBSPOT_ID, a_lead, a_link

PHONE, OTHER = "+14155550001", "+14155550002"


def having(*keys: str, shared: tuple[str, ...] = ()) -> AssignedKeys:
    return AssignedKeys(keys=frozenset(keys), shared_keys=frozenset(shared))


def without_keys(lead: Lead) -> Lead:
    return msgspec.structs.replace(lead, keys=frozenset())


def test_a_lead_that_a_person_made_gets_the_keys_of_its_handles() -> None:
    lead = without_keys(a_lead({"phone": "(415) 555-0001", "email": " A@Example.org "}))
    assert assigned_keys([lead], [], region="US") == {lead.id: having(f"p:{PHONE}", "e:a@example.org")}


def test_a_lead_without_a_handle_gets_none() -> None:
    lead = without_keys(a_lead({"firstName": "Anna", "phone": "call me"}))
    assert assigned_keys([lead], [], region="US") == {}


def test_of_two_leads_with_one_phone_the_first_gets_the_key() -> None:
    first, second = without_keys(a_lead({"phone": PHONE})), without_keys(a_lead({"phone": PHONE}))
    assert assigned_keys([first, second], [], region="US") == {
        first.id: having(f"p:{PHONE}"),
        second.id: having(shared=(f"p:{PHONE}",)),
    }


def test_a_key_stays_with_the_lead_that_has_it_by_right() -> None:
    holder, newcomer = a_lead({"phone": PHONE}), without_keys(a_lead({"phone": PHONE}))
    assert assigned_keys([newcomer], [holder], region="US") == {newcomer.id: having(shared=(f"p:{PHONE}",))}


def test_a_key_that_is_only_lent_goes_to_the_lead_that_has_the_handle() -> None:
    moved = a_lead({"phone": OTHER}, a_link("7", {"phone": PHONE}))
    newcomer = without_keys(a_lead({"phone": PHONE}))
    assigned = assigned_keys([newcomer], [moved], region="US")
    assert assigned[newcomer.id] == having(f"p:{PHONE}")
    assert assigned[moved.id] == having(f"x:{HUBSPOT_ID}:7", f"p:{OTHER}")


def test_a_retyped_phone_changes_the_key_and_the_sources_number_still_finds_the_lead() -> None:
    lead = a_lead({"phone": PHONE}, a_link("7", {"phone": PHONE}))
    retyped = msgspec.structs.replace(lead, values={"phone": "415 555 0002"})
    assert assigned_keys([retyped], [], region="US") == {
        lead.id: having(f"x:{HUBSPOT_ID}:7", f"p:{PHONE}", f"p:{OTHER}")
    }


def test_the_row_that_a_lead_came_from_is_a_key_even_without_a_link() -> None:
    key = external_key(HUBSPOT_ID, "7")
    lead = msgspec.structs.replace(without_keys(a_lead({"phone": PHONE})), source_key=key)
    assert assigned_keys([lead], [], region="US") == {lead.id: having(key, f"p:{PHONE}")}


PHONES = st.sampled_from([None, "4155550001", "(415) 555-0002", "+14155550003"])
LEADS = st.lists(st.tuples(PHONES, PHONES), min_size=1, max_size=6)


@given(LEADS)
def test_no_key_is_ever_assigned_twice_and_each_is_held_by_someone_who_goes_by_it(
    drawn: list[tuple[str | None, str | None]],
) -> None:
    leads = []
    for place, (own, seen) in enumerate(drawn):
        links = [a_link(str(place), {"phone": seen})] if seen and seen.startswith("+") else []
        leads.append(without_keys(a_lead({"phone": own} if own else {}, *links)))
    assigned = assigned_keys(leads, [], region="US")
    held = [key for now in assigned.values() for key in now.keys]
    assert len(held) == len(set(held))
    rightful = {lead.id: own_keys(lead, region="US") | lent_keys(lead.links) for lead in leads}
    assert all(now.keys <= rightful[lead_id] for lead_id, now in assigned.items())
    assert set(held) == set().union(*rightful.values())
