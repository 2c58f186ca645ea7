"""A job that is enqueued again is the job that was enqueued first."""

from datetime import timedelta
from unittest.mock import Mock

import msgspec
import pytest

from libs.common.broker.enqueue import job_from
from libs.common.broker.model import JobOptions
from libs.common.jobs.contract import Payload, TickPayload
from libs.common.jobs.registry import AnyContract, contract_of, contracts
from libs.common.ledger.accepting import entry_from
from libs.common.ledger.model import LedgerEntry
from libs.common.ledger.requeue import job_again
from libs.common.tracing import switch
from tests.unit.ledger.fakes import NOW, MemoryLedger

LEAD_ID = "65f0c0ffee0000000000abcd"
_SAMPLES = {
    "leadIds": [LEAD_ID],
    "userId": "u1",
    "workspaceId": "w1",
    "runId": "r1",
    "integrationId": LEAD_ID,
    "messageId": LEAD_ID,
    "schedule": "s",
    "tick": "2026-03-01T12:00:00Z",
    "action": "retry",
    "filter": {"queues": ["health-check"]},
    "asOf": "2026-03-01T12:00:00Z",
    "deliveryId": "d1",
}


def _sample(contract: AnyContract) -> Payload:
    fields = {field.encode_name for field in msgspec.structs.fields(contract.payload)}
    parsed: Payload = contract.parse({name: value for name, value in _SAMPLES.items() if name in fields})
    return parsed


def _entry(contract: AnyContract, payload: Payload, options: JobOptions) -> LedgerEntry:
    entry = entry_from(contract, payload, job_id="j1", created_at=NOW, options=options)
    return MemoryLedger().accept(entry).entry


@pytest.mark.parametrize("contract", contracts().values(), ids=list(contracts()))
@pytest.mark.parametrize("options", [JobOptions(), JobOptions(priority=3, max_attempts=2, backoff_ms=50)])
def test_the_second_job_equals_the_first(contract: AnyContract, options: JobOptions) -> None:
    payload = _sample(contract)
    first = job_from(contract, payload, job_id="j1", options=options, in_ledger=True)

    assert job_again(contract, _entry(contract, payload, options), contract.dump(payload), now=NOW) == first


def test_a_job_that_is_enqueued_again_belongs_to_the_trace_that_it_was_accepted_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contract = contract_of("message-processing")
    payload = _sample(contract)
    trace = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
    with monkeypatch.context() as traced:
        traced.setattr(switch, "tracing", Mock(carried=lambda: trace))
        entry = _entry(contract, payload, JobOptions())
    assert job_again(contract, entry, contract.dump(payload), now=NOW).message_options == trace


def test_a_delay_counts_from_the_acceptance() -> None:
    contract = contracts()["message-processing"]
    entry = _entry(contract, _sample(contract), JobOptions(delay_ms=60_000))

    def delay_after(waited: timedelta) -> int:
        return job_again(contract, entry, {}, now=NOW + waited).options.delay_ms

    assert delay_after(timedelta(0)) == 60_000
    assert delay_after(timedelta(seconds=45)) == 15_000
    assert delay_after(timedelta(hours=1)) == 0


def test_a_clock_that_is_behind_does_not_make_a_delay_longer() -> None:
    contract = contracts()["message-processing"]
    entry = _entry(contract, _sample(contract), JobOptions(delay_ms=1_000))

    assert job_again(contract, entry, {}, now=NOW - timedelta(minutes=5)).options.delay_ms == 1_000


def test_the_tick_payload_has_a_sample() -> None:
    assert isinstance(_sample(contracts()["health-check"]), TickPayload)
