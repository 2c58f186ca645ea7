"""Fixtures of the sync tests."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from libs.common.stores.collections import create_collections
from libs.embedded import MongoServer
from tests.integration.sync.world import World

_USED = ("leads", "integrations", "syncRuns", "syncErrors")


@pytest.fixture(scope="session")
def _sync_database(mongo_server: MongoServer) -> Iterator[Database[dict[str, Any]]]:
    """One database for all of these tests, because making its indexes takes longer than most of them."""
    with MongoClient[dict[str, Any]](mongo_server.uri, tz_aware=True) as client:
        database = client[f"test_sync_{uuid4().hex}"]
        create_collections(database)
        yield database
        client.drop_database(database)


@pytest.fixture
def world(_sync_database: Database[dict[str, Any]]) -> World:
    """An empty workspace on a real database with all indexes."""
    for name in _USED:
        _sync_database[name].delete_many({})
    return World(_sync_database)
