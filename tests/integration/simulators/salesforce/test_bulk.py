"""simple-salesforce reads by Bulk API 2.0."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from simple_salesforce.bulk2 import ColumnDelimiter, JobState, LineEnding, Operation
from simple_salesforce.exceptions import (
    SalesforceError,
    SalesforceMalformedRequest,
    SalesforceOperationError,
    SalesforceResourceNotFound,
)

from libs.simulators.salesforce import SalesforceSimulator, running_salesforce
from tests.integration.simulators.clients import salesforce

QUERY = "SELECT Id, Name, Email, Notes__c, SystemModstamp, HasOptedOutOfEmail FROM Contact"


@pytest.fixture
def simulator() -> Iterator[SalesforceSimulator]:
    with running_salesforce(rows=250, bulk_polls=0) as running:
        yield running


def bulk(simulator: SalesforceSimulator) -> Any:
    """Return the part of the client that has one method per call of the API."""
    return salesforce(simulator).bulk2.Contact._client


def finished_job(client: Any, operation: Operation = Operation.query, **options: Any) -> str:
    job = client.create_job(operation, QUERY, **options)
    assert job["state"] == JobState.upload_complete
    assert client.get_job(job["id"], is_query=True)["state"] == JobState.job_complete
    return str(job["id"])


def rows(text: str, **dialect: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text), **dialect))


def test_a_query_gives_every_contact_once(simulator: SalesforceSimulator) -> None:
    pages = list(salesforce(simulator).bulk2.Contact.query(QUERY, max_records=100, wait=0.01))
    found = [row for page in pages for row in rows(page)]
    assert [len(rows(page)) for page in pages] == [100, 100, 50]
    assert [row["Id"] for row in found] == [simulator.id_of(index) for index in range(250)]
    assert simulator.calls.repeated("bulk.results") == {}


def test_values_are_quoted_text_and_nulls_are_empty(simulator: SalesforceSimulator) -> None:
    client = bulk(simulator)
    text = client.get_query_results(finished_job(client))["records"]
    assert text.startswith('"Id","Name","Email","Notes__c","SystemModstamp","HasOptedOutOfEmail"\n"')
    people = simulator.tables["Contact"].people
    for index, row in enumerate(rows(text)):
        person = people.person(index)
        assert row["Email"] == (person.email or "")
        assert row["Notes__c"] == (person.notes or "")
        assert row["HasOptedOutOfEmail"] == ("false" if person.subscribed else "true")
        assert row["SystemModstamp"].endswith(".000Z")


def test_a_job_says_that_it_is_not_done_as_often_as_asked() -> None:
    with running_salesforce(rows=5, bulk_polls=2) as simulator:
        client = bulk(simulator)
        job = client.create_job(Operation.query, QUERY)["id"]
        states = [client.get_job(job, is_query=True)["state"] for _ in range(3)]
        assert states == ["InProgress", "InProgress", "JobComplete"]
        assert client.get_job(job, is_query=True)["numberRecordsProcessed"] == 5


def test_results_are_refused_before_the_job_is_complete() -> None:
    with running_salesforce(rows=5) as simulator:
        client = bulk(simulator)
        with pytest.raises(SalesforceMalformedRequest):
            client.get_query_results(client.create_job(Operation.query, QUERY)["id"])


def test_a_page_can_be_fetched_again_by_its_locator(simulator: SalesforceSimulator) -> None:
    client = bulk(simulator)
    job = finished_job(client)
    first = client.get_query_results(job, max_records=100)
    second = client.get_query_results(job, first["locator"], max_records=100)
    assert client.get_query_results(job, first["locator"], max_records=100) == second
    assert second["number_of_records"] == 100
    last = client.get_query_results(job, second["locator"], max_records=100)
    assert (last["number_of_records"], last["locator"]) == (50, "")
    assert len(simulator.calls.repeated("bulk.results", answered=True)) == 1


def test_pages_after_the_first_can_come_without_a_header() -> None:
    with running_salesforce(rows=20, bulk_polls=0, header_every_page=False) as simulator:
        client = bulk(simulator)
        job = finished_job(client)
        first = client.get_query_results(job, max_records=10)
        second = client.get_query_results(job, first["locator"], max_records=10)
        assert first["records"].startswith('"Id"')
        assert second["records"].startswith(f'"{simulator.id_of(10)}"')


def test_the_result_is_the_table_as_it_was_when_the_job_was_made(simulator: SalesforceSimulator) -> None:
    client = bulk(simulator)
    job = finished_job(client)
    simulator.touch([3])
    simulator.delete([4])
    found = rows(client.get_query_results(job)["records"])
    assert len(found) == 250
    assert found[3]["Name"] == rows(client.get_query_results(job)["records"])[3]["Name"]
    assert "II" not in found[3]["Name"].split()


def test_deleted_contacts_come_with_query_all(simulator: SalesforceSimulator) -> None:
    simulator.delete([4])
    client = bulk(simulator)
    assert client.get_query_results(finished_job(client))["number_of_records"] == 249
    assert client.get_query_results(finished_job(client, Operation.query_all))["number_of_records"] == 250


def test_another_delimiter_and_line_ending(simulator: SalesforceSimulator) -> None:
    client = bulk(simulator)
    job = finished_job(client, column_delimiter=ColumnDelimiter.TAB, line_ending=LineEnding.CRLF)
    text = client.get_query_results(job)["records"]
    assert text.startswith('"Id"\t"Name"')
    assert text.count("\r\n") == 251
    assert len(rows(text, delimiter="\t")) == 250


def test_a_job_can_fail_and_says_why(simulator: SalesforceSimulator) -> None:
    simulator.jobs.fail_next("InternalServerError: the query timed out")
    with pytest.raises(SalesforceOperationError, match="the query timed out"):
        list(salesforce(simulator).bulk2.Contact.query(QUERY, wait=0.01))


def test_a_query_that_cannot_be_read_makes_no_job(simulator: SalesforceSimulator) -> None:
    with pytest.raises(SalesforceMalformedRequest):
        bulk(simulator).create_job(Operation.query, "SELECT Nickname FROM Contact")


def test_a_job_can_be_aborted_before_it_is_done() -> None:
    with running_salesforce(rows=5) as simulator:
        client = bulk(simulator)
        job = client.create_job(Operation.query, QUERY)["id"]
        assert client.abort_job(job, is_query=True)["state"] == JobState.aborted
        with pytest.raises(SalesforceMalformedRequest):
            client.abort_job(job, is_query=True)


def test_a_deleted_job_is_gone_with_its_results(simulator: SalesforceSimulator) -> None:
    client = bulk(simulator)
    job = finished_job(client)
    # Salesforce answers 204 without a body, from which this client still wants JSON.
    with pytest.raises(requests.exceptions.JSONDecodeError):
        client.delete_job(job, is_query=True)
    with pytest.raises(SalesforceResourceNotFound):
        client.get_query_results(job)


def test_results_asked_for_with_another_version_are_refused(simulator: SalesforceSimulator) -> None:
    client = bulk(simulator)
    job = finished_job(client)
    client.bulk2_url = client.bulk2_url.replace("v59.0", "v60.0")
    with pytest.raises(SalesforceError) as raised:
        client.get_query_results(job)
    assert raised.value.status == 409
