"""How a request becomes an order."""

from typing import Any

import msgspec
import pytest

from libs.common.errors import InvalidInput, PayloadTooLarge
from libs.common.jobs.contract import JobContract, Origin, Payload
from services.gateway.orders import JobRequest, Order, RequestedOptions, keyed_job_id, order_of, read_idempotency_key
from tests.unit.gateway.bad_inputs import LEAD_ID, bulk, sync


def read_order(body: dict[str, Any]) -> Order:
    return order_of(msgspec.convert(body, JobRequest))


def test_an_order_has_the_contracts_defaults() -> None:
    order = read_order(sync())

    assert order.contract.job_type == "integration-sync"
    assert order.data == {"integrationId": LEAD_ID, "workspaceId": "w1", "mode": "incremental"}
    assert (order.workspace_id, order.unique_key) == ("w1", f"integration-sync:w1/{LEAD_ID}")


def test_options_reach_the_job() -> None:
    options = {"priority": 2, "delayMs": 500, "maxAttempts": 9, "backoffMs": 100}

    job = read_order(sync() | {"options": options}).job("j1")

    assert job.options == RequestedOptions(priority=2, delay_ms=500, max_attempts=9, backoff_ms=100)
    assert (job.max_attempts, job.in_ledger) == (9, True)


def test_a_long_payload_stays_out_of_the_queue() -> None:
    job = read_order(bulk(leadIds=[LEAD_ID] * 50_000)).job("j1")

    assert (dict(job.data), job.data_in_ledger) == ({}, True)


def test_a_payload_that_a_queue_cannot_carry_is_refused() -> None:
    class Long(Payload, frozen=True, kw_only=True):
        text: str

    contract = JobContract(job_type="long", queue="long", payload=Long, origin=Origin.REST)
    order = Order(contract=contract, payload=Long(text="x" * 70_000), options=RequestedOptions(), request_hash="")

    with pytest.raises(PayloadTooLarge) as caught:
        order.job("j1")
    assert caught.value.field == "data"


def test_the_same_request_has_the_same_fingerprint_however_it_is_written() -> None:
    turned = {"options": {}, "data": dict(reversed(sync()["data"].items())), "jobType": "integration-sync"}

    assert read_order(turned).request_hash == read_order(sync()).request_hash
    assert read_order(sync(mode="incremental")).request_hash == read_order(sync()).request_hash


@pytest.mark.parametrize("other", [sync(mode="full"), sync(workspaceId="w2"), sync() | {"options": {"priority": 1}}])
def test_another_request_has_another_fingerprint(other: dict[str, object]) -> None:
    assert read_order(other).request_hash != read_order(sync()).request_hash


@pytest.mark.parametrize(
    ("options", "fingerprint"),
    [
        ({"priority": 2, "delayMs": 500}, "6ddb1a2f839d56aa1fbb5ea461d11cbdd6b8ae8b7e1971cc1a2e865f9cfea42c"),
        ({}, "af35acb0bbaad560ecc05e1a412f09fa54753b0e0fe8764a67edbabd06989423"),
    ],
)
def test_fingerprints_and_keyed_ids_stay_as_earlier_versions_have_stored_them(
    options: dict[str, int], fingerprint: str
) -> None:
    data = {"integrationId": "0123456789abcdef01234567", "workspaceId": "w1", "mode": "full"}

    order = read_order({"jobType": "integration-sync", "data": data, "options": options})

    assert order.request_hash == fingerprint
    assert keyed_job_id(order, "k") == "59dap9frgqpkbqrmcndraqkkdj"


def test_a_key_stands_for_one_job_per_workspace_and_job_type() -> None:
    order = read_order(bulk())
    ids = {
        keyed_job_id(order, "k"),
        keyed_job_id(read_order(bulk(workspaceId="w2")), "k"),
        keyed_job_id(read_order(sync()), "k"),
        keyed_job_id(order, "k2"),
    }

    assert len(ids) == 4
    assert keyed_job_id(read_order(bulk(userId="u2")), "k") in ids


@pytest.mark.parametrize(
    ("header", "key"), [(None, None), ("abc", "abc"), (' "a b" ', "a b"), ('"', '"'), ("k" * 255, "k" * 255)]
)
def test_a_key_is_read_bare_or_quoted(header: str | None, key: str | None) -> None:
    assert read_idempotency_key(header) == key


@pytest.mark.parametrize("header", ["", '""', "   ", "k" * 256, "caf\xe9", "a\tb"])
def test_a_key_that_cannot_be_used_is_refused(header: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_idempotency_key(header)
    assert caught.value.field == "Idempotency-Key"
