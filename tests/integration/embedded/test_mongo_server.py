"""What is particular to the embedded MongoDB."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient, WriteConcern

from libs.embedded import MongoServer, StartFailedError

Client = MongoClient[dict[str, Any]]


@pytest.fixture(scope="module")
def server() -> Iterator[MongoServer]:
    with MongoServer() as server:
        yield server


def test_it_is_the_primary_of_its_replica_set(server: MongoServer) -> None:
    with Client(server.uri) as client:
        hello = client.admin.command("hello")
    assert hello["setName"] == "tuco"
    assert hello["isWritablePrimary"]
    assert hello["hosts"] == [f"127.0.0.1:{server.port}"]


def test_it_takes_majority_writes_and_transactions(server: MongoServer) -> None:
    with Client(server.uri) as client, client.start_session() as session:
        items = client.get_default_database().get_collection("items", write_concern=WriteConcern("majority", 5_000))
        with session.start_transaction():
            items.insert_one({"_id": 1}, session=session)
        with session.start_transaction():
            items.insert_one({"_id": 2}, session=session)
            session.abort_transaction()
        assert [item["_id"] for item in items.find()] == [1]


@pytest.mark.parametrize("direct", [False, True])
def test_its_uri_names_the_database_and_how_to_connect(server: MongoServer, direct: bool) -> None:
    with Client(server.uri_for("mine", direct=direct)) as client:
        assert client.get_default_database().name == "mine"
        client.admin.command("ping")
        assert client.topology_description.topology_type_name == ("Single" if direct else "ReplicaSetWithPrimary")


def test_it_is_small(server: MongoServer) -> None:
    with Client(server.uri) as client:
        cache = client.admin.command("serverStatus")["wiredTiger"]["cache"]["maximum bytes configured"]
        oplog = client.local.command("collStats", "oplog.rs")["maxSize"]
    assert cache == 256 * 1024 * 1024
    assert oplog == 64 * 1024 * 1024


def test_its_size_name_and_parameters_can_be_chosen() -> None:
    parameters = {"ttlMonitorSleepSecs": 1, "ttlMonitorEnabled": False}
    with (
        MongoServer(cache_gb=0.5, oplog_mb=32, replica_set="other", parameters=parameters) as server,
        Client(server.uri) as client,
    ):
        assert client.admin.command("hello")["setName"] == "other"
        assert client.admin.command("serverStatus")["wiredTiger"]["cache"]["maximum bytes configured"] == 2**29
        assert client.local.command("collStats", "oplog.rs")["maxSize"] == 32 * 2**20
        chosen = client.admin.command({"getParameter": 1, **dict.fromkeys(parameters, 1)})
        assert {name: chosen[name] for name in parameters} == parameters


def test_the_replica_set_follows_a_changed_port(tmp_path: Path) -> None:
    with MongoServer(tmp_path) as server, Client(server.uri) as client:
        client.tuco.items.insert_one({"_id": 1})
        first_port = server.port
    (tmp_path / "port").unlink()
    with MongoServer(tmp_path) as server, Client(server.uri, serverSelectionTimeoutMS=5_000) as client:
        assert server.port != first_port
        assert client.admin.command("hello")["hosts"] == [f"127.0.0.1:{server.port}"]
        assert client.tuco.items.count_documents({}) == 1


def test_a_crash_loses_no_majority_write(tmp_path: Path) -> None:
    with MongoServer(tmp_path) as server:
        with Client(server.uri) as client:
            items = client.tuco.get_collection("items", write_concern=WriteConcern("majority"))
            items.insert_many([{"_id": number} for number in range(1_000)])
        server.kill()
        server.start()
        with Client(server.uri) as client:
            assert client.tuco.items.count_documents({}) == 1_000


def test_it_starts_quickly() -> None:
    began = time.monotonic()
    with MongoServer():
        assert time.monotonic() - began < 10, "half a second on an idle machine; ten leave room for a busy one"


def test_a_wrong_parameter_is_named_in_the_error() -> None:
    with pytest.raises(StartFailedError, match="noSuchParameter"):
        MongoServer(parameters={"noSuchParameter": 1}).start()
