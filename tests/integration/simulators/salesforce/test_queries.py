"""simple-salesforce reads by SOQL."""

from datetime import UTC, datetime

import pytest
from simple_salesforce.exceptions import SalesforceMalformedRequest, SalesforceResourceNotFound

from libs.simulators.salesforce import running_salesforce
from tests.integration.simulators.clients import reason, salesforce

ALL = "SELECT Id, Name, Email, Phone, IsDeleted, SystemModstamp FROM Contact"
LATER = datetime(2025, 5, 1, 12, 0, 0, 999_000, tzinfo=UTC)


def test_a_query_gives_every_contact_once_in_batches_of_two_thousand() -> None:
    with running_salesforce(rows=4500) as simulator:
        found = salesforce(simulator).query_all(f"{ALL} ORDER BY SystemModstamp, Id")
        assert found["totalSize"] == 4500
        assert [record["Id"] for record in found["records"]] == [simulator.id_of(index) for index in range(4500)]
        assert [call.endpoint for call in simulator.calls.select()] == ["query", "query.more", "query.more"]
        assert simulator.calls.repeated("query.more") == {}


def test_a_record_has_its_type_and_values_with_types() -> None:
    with running_salesforce(rows=1) as simulator:
        person = simulator.tables["Contact"].people.person(0)
        query = "SELECT Id, FirstName, Email, Score__c, HasOptedOutOfEmail, SystemModstamp FROM Contact"
        (record,) = salesforce(simulator).query(query)["records"]
        assert record == {
            "attributes": {"type": "Contact", "url": f"/services/data/v59.0/sobjects/Contact/{simulator.id_of(0)}"},
            "Id": simulator.id_of(0),
            "FirstName": person.first_name,
            "Email": person.email,
            "Score__c": float(person.score),
            "HasOptedOutOfEmail": not person.subscribed,
            "SystemModstamp": "2024-01-01T00:00:00.000+0000",
        }


def test_a_required_name_that_nobody_filled_says_so() -> None:
    with running_salesforce(rows=200) as simulator:
        people = simulator.tables["Contact"].people
        index = next(i for i in range(200) if people.person(i).last_name is None)
        query = f"SELECT LastName FROM Contact WHERE Id = '{simulator.id_of(index)}'"
        assert salesforce(simulator).query(query)["records"][0]["LastName"] == "[not provided]"


def test_changes_are_found_by_their_stamp_which_has_whole_seconds() -> None:
    with running_salesforce(rows=300) as simulator:
        simulator.touch([200, 7], at=LATER)
        query = f"{ALL} WHERE SystemModstamp >= 2025-05-01T12:00:00Z ORDER BY SystemModstamp, Id"
        records = salesforce(simulator).query(query)["records"]
        assert [record["Id"] for record in records] == [simulator.id_of(7), simulator.id_of(200)]
        assert {record["SystemModstamp"] for record in records} == {"2025-05-01T12:00:00.000+0000"}


def test_the_date_of_the_last_edit_by_a_person_misses_changes_that_the_stamp_has() -> None:
    with running_salesforce(rows=300) as simulator:
        simulator.touch([7, 8], at=LATER)
        by = "SELECT Id FROM Contact WHERE {} >= 2025-05-01T00:00:00Z"
        client = salesforce(simulator)
        assert client.query(by.format("SystemModstamp"))["totalSize"] == 2
        assert client.query(by.format("LastModifiedDate"))["totalSize"] == 1


def test_deleted_contacts_appear_in_query_all_only() -> None:
    with running_salesforce(rows=300) as simulator:
        simulator.delete([5], at=LATER)
        client = salesforce(simulator)
        assert client.query(ALL)["totalSize"] == 299
        everything = client.query_all(ALL, include_deleted=True)
        assert everything["totalSize"] == 300
        assert [record["Id"] for record in everything["records"] if record["IsDeleted"]] == [simulator.id_of(5)]


def test_a_query_under_way_shows_the_rows_as_they_were() -> None:
    with running_salesforce(rows=2500) as simulator:
        client = salesforce(simulator)
        first = client.query("SELECT Id, LastName FROM Contact ORDER BY Id")
        before = simulator.tables["Contact"].row(2400).person.last_name or "[not provided]"
        simulator.touch([2400])
        simulator.delete([2499])
        rest = client.query_more(first["nextRecordsUrl"], identifier_is_url=True)
        assert len(first["records"]) + len(rest["records"]) == 2500
        assert rest["records"][400]["LastName"] == before


def test_a_locator_can_be_asked_again_until_it_expires() -> None:
    with running_salesforce(rows=2500) as simulator:
        client = salesforce(simulator)
        locator = client.query(ALL)["nextRecordsUrl"]
        once = client.query_more(locator, identifier_is_url=True)
        assert client.query_more(locator, identifier_is_url=True) == once
        simulator.expire_cursors()
        with pytest.raises(SalesforceMalformedRequest) as raised:
            client.query_more(locator, identifier_is_url=True)
        assert reason(raised.value) == {"message": "invalid query locator", "errorCode": "INVALID_QUERY_LOCATOR"}


def test_smaller_batches_can_be_asked_for() -> None:
    with running_salesforce(rows=500) as simulator:
        found = salesforce(simulator).query(ALL, headers={"Sforce-Query-Options": "batchSize=200"})
        assert (len(found["records"]), found["done"]) == (200, False)


def test_a_limit_an_offset_and_a_count() -> None:
    with running_salesforce(rows=500, leads=20) as simulator:
        client = salesforce(simulator)
        part = client.query(f"{ALL} ORDER BY Id LIMIT 3 OFFSET 10")
        assert part["totalSize"] == 3
        assert [record["Id"] for record in part["records"]] == [simulator.id_of(index) for index in (10, 11, 12)]
        assert client.query("SELECT COUNT() FROM Contact")["totalSize"] == 500
        assert client.query("SELECT COUNT() FROM Lead")["totalSize"] == 20


def test_a_query_that_cannot_be_read_is_a_malformed_request() -> None:
    with running_salesforce(rows=5) as simulator, pytest.raises(SalesforceMalformedRequest) as raised:
        salesforce(simulator).query("SELECT Nickname FROM Contact")
    assert reason(raised.value)["errorCode"] == "INVALID_FIELD"


def test_objects_and_fields_are_described() -> None:
    with running_salesforce(rows=5) as simulator:
        client = salesforce(simulator)
        listed = client.describe()
        assert listed is not None
        assert [each["name"] for each in listed["sobjects"]] == ["Contact", "Lead"]
        fields = {field["name"]: field for field in client.Lead.describe()["fields"]}
        assert fields["SystemModstamp"]["type"] == "datetime"
        assert fields["Segment__c"]["custom"]
        with pytest.raises(SalesforceResourceNotFound):
            client.Dog.describe()


def test_calls_are_counted_against_the_day() -> None:
    with running_salesforce(rows=5, calls_per_day=100) as simulator:
        client = salesforce(simulator)
        client.query(ALL)
        assert client.api_usage["api-usage"] == (1, 100)
        assert client.limits()["DailyApiRequests"] == {"Max": 100, "Remaining": 98}
