"""A simulator with two lines per test, and a client."""

from collections.abc import Iterator

import pytest

from libs.simulators.sendblue import AccountSettings, SendblueSimulator, running_sendblue
from tests.integration.simulators.sendblue.account_client import AccountClient
from tests.integration.simulators.webhook_receiver import Hook, hook


@pytest.fixture
def simulator() -> Iterator[SendblueSimulator]:
    """Two lines that send at once; everybody has iMessage unless the test says otherwise."""
    account = AccountSettings(sent_per_second=None, accepted_per_second=None, delivery_ms=5)
    with running_sendblue(lines=2, seed=7, available_ratio=1.0, account=account) as running:
        yield running


@pytest.fixture
def client(simulator: SendblueSimulator) -> AccountClient:
    """A client of the account."""
    return AccountClient(simulator)


@pytest.fixture
def webhook() -> Iterator[Hook]:
    """A receiver of webhooks."""
    with hook() as receiver:
        yield receiver
