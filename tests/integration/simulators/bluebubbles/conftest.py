"""A simulator with two lines per test, and a client for each."""

from collections.abc import Iterator

import pytest

from libs.simulators.bluebubbles import BlueBubblesSimulator, running_bluebubbles
from tests.integration.simulators.bluebubbles.line_client import LineClient
from tests.integration.simulators.webhook_receiver import Hook, hook


@pytest.fixture
def simulator() -> Iterator[BlueBubblesSimulator]:
    """Two lines; everybody can be reached unless the test says otherwise."""
    with running_bluebubbles(lines=2, seed=7, available_ratio=1.0, delivery_ms=5) as running:
        yield running


@pytest.fixture
def client(simulator: BlueBubblesSimulator) -> LineClient:
    """A client of the first line."""
    return LineClient(simulator.lines[0])


@pytest.fixture
def other_client(simulator: BlueBubblesSimulator) -> LineClient:
    """A client of the second line."""
    return LineClient(simulator.lines[1])


@pytest.fixture
def webhook() -> Iterator[Hook]:
    """A receiver of webhooks."""
    with hook() as receiver:
        yield receiver
