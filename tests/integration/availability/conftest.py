"""A workspace on real servers: leads and lines in MongoDB, simulated BlueBubbles servers, a worker in this process."""

from collections.abc import Iterator

import pytest
from pymongo.database import Database

from libs.common.settings import Secret, Settings
from libs.common.stores.collections import create_collections
from libs.common.stores.mongo import Document, connect_mongo
from libs.simulators.bluebubbles import BlueBubblesSimulator, running_bluebubbles
from tests.integration.availability.workshop import Workshop, new_settings


@pytest.fixture
def database(mongo_uri: str) -> Iterator[Database[Document]]:
    """The test's database as processes connect to it, with its collections and indexes."""
    database = connect_mongo(Settings(mongodb_uri=Secret(mongo_uri)), service="tests")
    create_collections(database)
    yield database
    database.client.close()


@pytest.fixture
def settings(redis_url: str, mongo_uri: str) -> Settings:
    """What the service is told: short time limits and small chunks, rates that do not matter."""
    return new_settings(redis_url, mongo_uri)


@pytest.fixture
def simulator() -> Iterator[BlueBubblesSimulator]:
    """Three lines that answer within two milliseconds."""
    with running_bluebubbles(lines=3, latency_ms=2, seed=7) as simulator:
        yield simulator


@pytest.fixture
def workshop(settings: Settings, database: Database[Document]) -> Iterator[Workshop]:
    """A worker of the queue, and what is needed to give it work."""
    workshop = Workshop(settings, database)
    yield workshop
    workshop.close()
