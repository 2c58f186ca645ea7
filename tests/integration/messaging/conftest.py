"""A database as the services connect to it, with the indexes of messages, a store on it, and a world of lines."""

from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from pymongo.database import Database

from libs.common.settings import Secret, Settings
from libs.common.stores.collections import MESSAGES
from libs.common.stores.message_indexes import MESSAGE_INDEXES
from libs.common.stores.messages import MessageStore
from libs.common.stores.mongo import Document, connect_mongo
from libs.simulators.bluebubbles import BlueBubblesSimulator, running_bluebubbles
from tests.integration.messaging.world import World


@pytest.fixture(autouse=True)
def no_kernel_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a process of pytest's live whose sends are late; what the deadline does is tested in others."""
    monkeypatch.setattr("libs.common.providers.last_moment.dead_by", nullcontext)


@pytest.fixture
def database(mongo_uri: str) -> Database[Document]:
    connected = connect_mongo(Settings(mongodb_uri=Secret(mongo_uri)), service="test")
    connected[MESSAGES].create_indexes(list(MESSAGE_INDEXES))
    return connected


@pytest.fixture
def store(database: Database[Document]) -> MessageStore:
    return MessageStore(database)


@pytest.fixture
def simulator() -> Iterator[BlueBubblesSimulator]:
    with running_bluebubbles(lines=3, available_ratio=1.0) as simulator:
        yield simulator


@pytest.fixture
def world(database: Database[Document], redis_url: str, simulator: BlueBubblesSimulator) -> World:
    return World(database, redis_url, simulator)
