"""Choosing ports."""

import random

import pytest

from libs.embedded import ports

LOWEST_PORT_OF_OUTGOING_CONNECTIONS = 32_768


def test_the_first_acceptable_port_is_chosen() -> None:
    refused: list[int] = []

    def is_third(port: int) -> bool:
        refused.append(port)
        return len(refused) == 3

    assert ports.choose(is_third, source=random.Random(7)) == refused[-1]


def test_neither_a_port_nor_its_cluster_bus_can_be_taken_by_an_outgoing_connection() -> None:
    source = random.Random(7)
    chosen = [ports.choose(lambda _port: True, source=source) for _ in range(1000)]
    assert min(chosen) > 1023
    assert max(chosen) + ports.CLUSTER_BUS_OFFSET < LOWEST_PORT_OF_OUTGOING_CONNECTIONS


def test_a_machine_without_free_ports_is_an_error_not_a_loop() -> None:
    with pytest.raises(OSError, match="no free port"):
        ports.choose(lambda _port: False, source=random.Random(7))
