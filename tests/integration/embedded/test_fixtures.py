"""The fixtures that every other test relies on. Tests here come in pairs and must run in their order."""

from datetime import UTC, datetime
from typing import Any

import redis
from pymongo import MongoClient
from pymongo.database import Database

from libs.embedded import MongoServer, RedisServer

_NAMES: list[str] = []


def test_redis_can_be_filled(redis_client: "redis.Redis", redis_url: str, redis_server: RedisServer) -> None:
    assert redis_url == redis_server.url
    redis_client.set("left behind", "by a test")
    assert redis_client.get("left behind") == b"by a test"


def test_redis_is_empty_for_the_next_test(redis_client: "redis.Redis") -> None:
    assert redis_client.dbsize() == 0


def test_a_database_is_empty_and_the_uri_leads_to_it(mongo_database: Database[dict[str, Any]], mongo_uri: str) -> None:
    assert mongo_database.list_collection_names() == []
    mongo_database.items.insert_one({"at": datetime(2025, 3, 1, tzinfo=UTC)})
    with MongoClient[dict[str, Any]](mongo_uri) as client:
        assert client.get_default_database().items.count_documents({}) == 1
    assert mongo_database.items.find_one({}, {"_id": 0}) == {"at": datetime(2025, 3, 1, tzinfo=UTC)}
    _NAMES.append(mongo_database.name)


def test_the_next_test_has_another_database_and_the_old_one_is_gone(
    mongo_database: Database[dict[str, Any]], mongo_server: MongoServer
) -> None:
    assert mongo_database.name not in _NAMES
    with MongoClient[dict[str, Any]](mongo_server.uri) as client:
        assert not set(_NAMES) & set(client.list_database_names())
