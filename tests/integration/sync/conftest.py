"""Fixtures of the sync tests."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from libs.common.clock import SystemClock
from libs.common.stores.collections import create_collections
from libs.embedded import MongoServer
from tests.integration.sync.world import World

_USED = ("leads", "integrations", "syncRuns", "syncErrors", "syncSeen", "schedules", "jobs")


@pytest.fixture(scope="session")
def _sync_database(mongo_server: MongoServer) -> Iterator[Database[dict[str, Any]]]:
    """One database for all of these tests, because making its indexes takes longer than most of them."""
    with MongoClient[dict[str, Any]](mongo_server.uri, tz_aware=True) as client:
        database = client[f"test_sync_{uuid4().hex}"]
        create_collections(database)
        # These worlds' clock stands in 2024, so the server would take what they keep for long expired.
        for name in ("syncSeen", "syncErrors", "syncRuns"):
            for index in database[name].list_indexes():
                if "expireAfterSeconds" in index:
                    database[name].drop_index(index["name"])
        yield database
        client.drop_database(database)


@pytest.fixture
def world(_sync_database: Database[dict[str, Any]]) -> World:
    """An empty workspace on a real database with all indexes."""
    return World(_emptied(_sync_database))


@pytest.fixture
def crm_world(_sync_database: Database[dict[str, Any]]) -> World:
    """The same on the machine's own clock, for CRMs that answer over HTTP."""
    return World(_emptied(_sync_database), SystemClock())


def _emptied(database: Database[dict[str, Any]]) -> Database[dict[str, Any]]:
    for name in _USED:
        database[name].delete_many({})
    return database
