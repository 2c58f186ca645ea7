from collections.abc import Iterator

import pytest
from pymongo.database import Database

from libs.common.ledger.mongo import MongoLedger
from libs.common.settings import Secret, Settings
from libs.common.stores.mongo import Document, connect_mongo
from tests.integration.ledger.factories import create_jobs


@pytest.fixture
def database(mongo_uri: str) -> Iterator[Database[Document]]:
    """The test's database as processes connect to it, with the ledger's indexes."""
    database = connect_mongo(Settings(mongodb_uri=Secret(mongo_uri)), service="tests")
    create_jobs(database)
    yield database
    database.client.close()


@pytest.fixture
def ledger(database: Database[Document]) -> MongoLedger:
    return MongoLedger(database)
