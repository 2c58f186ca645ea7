"""The simulator's own count of what reached it and what went out."""

import concurrent.futures

from libs.simulators.bluebubbles import BlueBubblesSimulator, running_bluebubbles
from tests.integration.simulators.bluebubbles.line_client import LineClient

AVAILABILITY = "handle/availability/imessage"


def test_calls_are_counted_by_line_endpoint_and_address(
    simulator: BlueBubblesSimulator, client: LineClient, other_client: LineClient
) -> None:
    client.availability("+15550000001")
    client.availability("+15550000002")
    other_client.availability("(555) 000-0001")
    client.get("ping")
    calls = simulator.state.calls
    assert calls.total() == 4
    assert calls.total(target="line-1") == 3
    assert calls.total(endpoint=AVAILABILITY) == 3
    assert calls.total(target="line-2", endpoint="ping") == 0
    assert calls.per_key(AVAILABILITY) == {"+15550000001": 2, "+15550000002": 1}
    assert calls.repeated(AVAILABILITY) == {"+15550000001": 2}


def test_a_repeat_after_an_error_is_told_from_a_repeat_after_an_answer(
    simulator: BlueBubblesSimulator, client: LineClient
) -> None:
    simulator.set_fault(line=1, fault="server_error", count=1)
    client.availability("+15550000001")
    client.availability("+15550000001")
    calls = simulator.state.calls
    assert calls.repeated(AVAILABILITY) == {"+15550000001": 2}
    assert calls.repeated(AVAILABILITY, answered=True) == {}
    client.availability("+15550000001")
    assert calls.repeated(AVAILABILITY, answered=True) == {"+15550000001": 2}


def test_each_call_is_kept_with_its_reference_and_times(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    simulator.configure(1, latency_ms=30)
    client.start_chat("+15550000001", "Hello", "temp-1")
    (call,) = simulator.state.calls.select(reference="temp-1")
    assert (call.target, call.endpoint, call.key, call.status) == ("line-1", "chat/new", "+15550000001", 200)
    assert 0.03 <= call.ended_at - call.at < 5


def test_calls_under_way_at_once_are_counted(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    simulator.configure(1, latency_ms=200)
    with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(lambda _: client.get("ping"), range(4)))
    calls = simulator.state.calls
    assert 2 <= calls.most_in_flight("line-1") <= 4
    assert calls.in_flight("line-1") == 0
    assert calls.most_in_flight("line-2") == 0
    assert 1 <= calls.most_per_second("line-1") <= 4


def test_deliveries_are_counted_per_recipient_and_text(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    client.start_chat("+15550000001", "Hello")
    client.send("+15550000001", "Hello")
    client.start_chat("+15550000002", "Hello")
    deliveries = simulator.state.deliveries
    assert deliveries.total() == 3
    assert deliveries.total(target="line-2") == 0
    assert deliveries.count("+15550000001", "Hello") == 2
    assert deliveries.repeated() == {("+15550000001", "Hello"): 2}


def test_counts_start_again_from_zero(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    client.start_chat("+15550000001", "Hello")
    simulator.state.calls.clear()
    simulator.state.deliveries.clear()
    assert simulator.state.calls.total() == 0
    assert simulator.state.calls.per_endpoint() == {}
    assert simulator.state.deliveries.total() == 0


def test_every_call_takes_the_latency() -> None:
    with running_bluebubbles(latency_ms=40, jitter_ms=20) as simulator:
        client = LineClient(simulator.lines[0])
        for _ in range(3):
            client.get("ping")
        assert all(call.ended_at - call.at >= 0.04 for call in simulator.state.calls.select())
