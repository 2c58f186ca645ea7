"""A database as the services connect to it, with the indexes of messages, and a store on it."""

import pytest
from pymongo.database import Database

from libs.common.settings import Secret, Settings
from libs.common.stores.collections import MESSAGES
from libs.common.stores.message_indexes import MESSAGE_INDEXES
from libs.common.stores.messages import MessageStore
from libs.common.stores.mongo import Document, connect_mongo


@pytest.fixture
def database(mongo_uri: str) -> Database[Document]:
    connected = connect_mongo(Settings(mongodb_uri=Secret(mongo_uri)), service="test")
    connected[MESSAGES].create_indexes(list(MESSAGE_INDEXES))
    return connected


@pytest.fixture
def store(database: Database[Document]) -> MessageStore:
    return MessageStore(database)
