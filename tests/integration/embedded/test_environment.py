"""Starting only what the environment does not name."""

from pathlib import Path

import pytest
import redis
from pymongo import MongoClient

from libs.embedded import DataFolderBusyError, MongoServer, RedisServer, ServerMissingError, environment, servers_for
from tests.integration.embedded.processes import is_running


def test_both_servers_are_started_where_none_is_named(tmp_path: Path) -> None:
    with servers_for({"REDIS_URL": ""}, tmp_path) as servers:
        assert servers.environ() == {"REDIS_URL": servers.redis_url, "MONGODB_URI": servers.mongodb_uri}
        assert redis.Redis.from_url(servers.redis_url).ping()
        with MongoClient[dict[str, object]](servers.mongodb_uri) as client:
            client.get_default_database().items.insert_one({})
        assert servers.summary == (
            f"Redis: {servers.redis_url}, started here, data kept in {tmp_path / 'redis'}\n"
            f"MongoDB: mongodb://127.0.0.1:{servers.mongo.port if servers.mongo else 0}/tuco, started here, "
            f"data kept in {tmp_path / 'mongodb'}"
        )
        pids = [server.pid for server in (servers.redis, servers.mongo) if server]
    assert len(pids) == 2
    assert not any(map(is_running, pids))


def test_a_given_server_is_used_and_left_alone(redis_server: RedisServer, tmp_path: Path) -> None:
    with servers_for({"REDIS_URL": redis_server.url}, tmp_path) as servers:
        assert servers.redis is None
        assert servers.redis_url == redis_server.url
        assert servers.mongo is not None
        servers.stop()
    assert redis_server.running
    assert not (tmp_path / "redis").exists()


def test_a_relative_folder_is_taken_from_the_working_folder_of_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mongo_server: MongoServer
) -> None:
    monkeypatch.chdir(tmp_path)
    with servers_for({"MONGODB_URI": mongo_server.uri}, Path(".tuco")) as servers:
        assert servers.redis is not None
        assert servers.redis.data_dir == tmp_path / ".tuco" / "redis"


def test_without_a_folder_the_data_are_thrown_away(mongo_server: MongoServer) -> None:
    with servers_for({"MONGODB_URI": mongo_server.uri}, None) as servers:
        assert servers.redis is not None
        assert f"{servers.redis_url}, started here, data thrown away at the end" in servers.summary
        folder = servers.redis.data_dir
    assert not folder.exists()


def test_where_the_second_server_cannot_start_the_first_is_stopped(tmp_path: Path) -> None:
    with MongoServer(tmp_path / "mongodb"), pytest.raises(DataFolderBusyError):
        servers_for({}, tmp_path)
    with RedisServer(tmp_path / "redis"):
        pass


def test_where_a_program_is_missing_nothing_is_started_or_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> MongoServer:
        raise ServerMissingError

    monkeypatch.setattr(environment, "MongoServer", missing)
    with pytest.raises(ServerMissingError):
        servers_for({}, tmp_path)
    assert list(tmp_path.iterdir()) == []
