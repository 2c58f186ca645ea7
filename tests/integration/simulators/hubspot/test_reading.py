"""The official client reads all there is, in pages."""

from datetime import UTC, datetime
from typing import Any

from libs.simulators.crm.table import FIRST_STAMP_MS, Stamps
from libs.simulators.hubspot import running_hubspot
from tests.integration.simulators.clients import hubspot


def search(client: Any, **body: Any) -> Any:
    return client.crm.contacts.search_api.do_search(public_object_search_request=body)


def search_all_by_id(client: Any, since_ms: int) -> list[str]:
    """Read every contact changed since a moment as a caller must who wants more than 10,000: by id."""
    found: list[str] = []
    last = 0
    while True:
        page = search(
            client,
            filterGroups=[
                {
                    "filters": [
                        {"propertyName": "lastmodifieddate", "operator": "GTE", "value": str(since_ms)},
                        {"propertyName": "hs_object_id", "operator": "GT", "value": str(last)},
                    ]
                }
            ],
            sorts=[{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            properties=["email"],
            limit=200,
        )
        if not page.results:
            return found
        found += [contact.id for contact in page.results]
        last = int(found[-1])


def test_the_list_gives_every_contact_once_in_pages_of_a_hundred() -> None:
    with running_hubspot(rows=1234) as simulator:
        contacts = hubspot(simulator).crm.contacts.get_all(properties=["firstname", "email", "tuco_score"])
        assert [contact.id for contact in contacts] == [simulator.contact_id(index) for index in range(1234)]
        assert simulator.calls.total(endpoint="contacts.list") == 13
        assert simulator.calls.repeated("contacts.list") == {}
        assert simulator.rows_served == 1234


def test_a_contact_has_the_properties_asked_for_and_the_three_that_come_always() -> None:
    with running_hubspot(rows=1) as simulator:
        page = hubspot(simulator).crm.contacts.basic_api.get_page(properties=["phone", "nosuch", "company"])
        person = simulator.contacts.people.person(0)
        (contact,) = page.results
        assert contact.properties == {
            "company": person.company,
            "createdate": "2023-12-02T00:00:00Z",
            "hs_object_id": "901",
            "lastmodifieddate": "2024-01-01T00:00:00Z",
            "phone": person.phone,
        }
        assert contact.updated_at == datetime(2024, 1, 1, tzinfo=UTC)
        assert contact.archived is False


def test_a_blank_property_is_null() -> None:
    with running_hubspot(rows=200) as simulator:
        index = next(i for i in range(200) if simulator.contacts.people.person(i).phone is None)
        contact = hubspot(simulator).crm.contacts.basic_api.get_by_id(simulator.contact_id(index), properties=["phone"])
        assert contact.properties["phone"] is None


def test_archived_contacts_are_listed_apart_and_no_longer_found() -> None:
    with running_hubspot(rows=300) as simulator:
        gone = datetime(2025, 5, 1, tzinfo=UTC)
        simulator.delete([7, 150, 299], at=gone)
        client = hubspot(simulator)
        assert len(client.crm.contacts.get_all()) == 297
        archived = client.crm.contacts.get_all(archived=True)
        assert [contact.id for contact in archived] == [simulator.contact_id(index) for index in (7, 150, 299)]
        assert [contact.archived_at for contact in archived] == [gone] * 3
        assert search(client, limit=1).total == 297


def test_changed_and_new_contacts_are_found_by_their_stamp() -> None:
    with running_hubspot(rows=300) as simulator:
        at = datetime(2025, 5, 1, 12, 0, 0, 123_000, tzinfo=UTC)
        simulator.touch([250, 3], at=at)
        (new,) = simulator.append(1, at=at)
        since = {"propertyName": "lastmodifieddate", "operator": "GTE", "value": str(int(at.timestamp() * 1000))}
        page = search(
            hubspot(simulator),
            filterGroups=[{"filters": [since]}],
            sorts=[{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}],
            properties=["lastname"],
            limit=200,
        )
        assert [contact.id for contact in page.results] == [simulator.contact_id(index) for index in (3, 250, new)]
        assert page.results[0].properties["lastmodifieddate"] == "2025-05-01T12:00:00.123Z"
        assert page.results[0].properties["lastname"] == simulator.contacts.row(3).person.last_name


def test_more_than_ten_thousand_contacts_with_one_stamp_can_be_read_by_id_only() -> None:
    with running_hubspot(rows=10_300, stamps=Stamps(rows_per_stamp=100_000)) as simulator:
        client = hubspot(simulator)
        by_stamp = search(
            client, sorts=[{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}], limit=200, after="9800"
        )
        assert (by_stamp.total, len(by_stamp.results), by_stamp.paging.next.after) == (10_300, 200, "10000")
        assert len(set(search_all_by_id(client, FIRST_STAMP_MS))) == 10_300


def test_a_change_appears_in_search_after_the_lag_and_in_the_list_at_once() -> None:
    with running_hubspot(rows=10, index_lag=3600) as simulator:
        client = hubspot(simulator)
        simulator.edit(4, email="new@example.com")
        simulator.append(1)
        (listed,) = (c for c in client.crm.contacts.get_all(properties=["email"]) if c.id == simulator.contact_id(4))
        assert listed.properties["email"] == "new@example.com"
        found = search(client, properties=["email"], limit=100)
        assert found.total == 10
        assert "new@example.com" not in [contact.properties["email"] for contact in found.results]


def test_the_fields_are_described_with_their_types() -> None:
    with running_hubspot(rows=0) as simulator:
        fields = {field.name: field for field in hubspot(simulator).crm.properties.core_api.get_all("contacts").results}
        assert fields["email"].type == "string"
        assert fields["lastmodifieddate"].type == "datetime"
        assert fields["tuco_segment"].hubspot_defined is False
        assert [option.value for option in fields["tuco_segment"].options] == [
            "buyer",
            "seller",
            "past_client",
            "partner",
        ]


def test_an_account_without_contacts_is_empty_and_not_broken() -> None:
    with running_hubspot(rows=0) as simulator:
        client = hubspot(simulator)
        assert client.crm.contacts.get_all() == []
        assert search(client).total == 0
