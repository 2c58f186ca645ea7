"""When a line is set aside."""

from datetime import timedelta

import pytest

from libs.common.providers.errors import FaultReason, LineFault
from services.availability.circuit import Circuit, CircuitRules

RULES = CircuitRules(faults_in_a_row=3, first_pause_s=5, longest_pause_s=20, longest_wish_s=900)


def fault(reason: FaultReason = FaultReason.TIMEOUT, *, retry_after_s: float | None = None) -> LineFault:
    return LineFault(reason, retry_after=None if retry_after_s is None else timedelta(seconds=retry_after_s))


def test_a_few_faults_do_not_set_a_line_aside() -> None:
    circuit = Circuit(RULES)
    assert [circuit.failed(fault(), now=0), circuit.failed(fault(), now=0)] == [False, False]
    assert circuit.allows(0)


def test_faults_in_a_row_set_a_line_aside_for_a_while() -> None:
    circuit = Circuit(RULES)
    assert [circuit.failed(fault(), now=100.0) for _ in range(3)] == [False, False, True]
    assert not circuit.allows(104.9)
    assert circuit.closed_in(101.0) == pytest.approx(4.0)
    assert circuit.allows(105.0)


def test_an_answer_between_faults_starts_the_count_anew() -> None:
    circuit = Circuit(RULES)
    for _ in range(10):
        circuit.failed(fault(), now=0)
        circuit.failed(fault(), now=0)
        circuit.succeeded()
    assert circuit.allows(0)


def test_after_a_pause_one_fault_is_enough_and_pauses_grow_to_a_limit() -> None:
    circuit = Circuit(RULES)
    for _ in range(3):
        circuit.failed(fault(), now=0)
    now, pauses = 0.0, []
    for _ in range(4):
        now += circuit.closed_in(now)
        assert circuit.failed(fault(), now=now)
        pauses.append(circuit.closed_in(now))
    assert pauses == [10, 20, 20, 20]


def test_an_answer_after_a_pause_makes_pauses_short_again() -> None:
    circuit = Circuit(RULES)
    for _ in range(3):
        circuit.failed(fault(), now=0)
    circuit.failed(fault(), now=5)
    circuit.succeeded()
    for _ in range(3):
        circuit.failed(fault(), now=50)
    assert circuit.closed_in(50) == 5


def test_answers_that_were_under_way_change_nothing() -> None:
    circuit = Circuit(RULES)
    for _ in range(60):
        circuit.failed(fault(), now=0)
    assert circuit.closed_in(0) == 5


@pytest.mark.parametrize("reason", [FaultReason.AUTHENTICATION, FaultReason.NOT_FOUND, FaultReason.RATE_LIMITED])
def test_some_faults_set_a_line_aside_at_once(reason: FaultReason) -> None:
    circuit = Circuit(RULES)
    assert circuit.failed(fault(reason), now=0)
    assert not circuit.allows(1)


def test_the_providers_wish_is_followed_up_to_a_limit() -> None:
    circuit = Circuit(RULES)
    circuit.failed(fault(FaultReason.RATE_LIMITED, retry_after_s=60), now=0)
    assert circuit.closed_in(0) == 60
    circuit.failed(fault(FaultReason.RATE_LIMITED, retry_after_s=100_000), now=60)
    assert circuit.closed_in(60) == 900


@pytest.mark.parametrize("reason", [FaultReason.VALIDATION, FaultReason.UNSUPPORTED])
def test_faults_about_one_handle_say_nothing_of_the_line(reason: FaultReason) -> None:
    circuit = Circuit(RULES)
    for _ in range(10):
        assert not circuit.failed(fault(reason), now=0)
    assert circuit.allows(0)
    assert circuit.last_fault is None
