"""A run that is killed takes its servers along, and the next run finds their data."""

from pathlib import Path

import redis
from pymongo import MongoClient

from libs.embedded import servers_for
from tests.integration.embedded.processes import REPOSITORY, is_running, next_line, python
from tests.waiting import wait_until

RUN = """
import pathlib, sys, threading
import redis
from libs.embedded import servers_for
from pymongo import MongoClient, WriteConcern

running = []
starter = threading.Thread(target=lambda: running.append(servers_for({}, pathlib.Path(sys.argv[1]))))
starter.start()
starter.join()
servers = running[0]
client = redis.Redis.from_url(servers.redis_url)
client.config_set("appendfsync", "always")
client.set("text", "hello")
database = MongoClient(servers.mongodb_uri).get_default_database(write_concern=WriteConcern("majority"))
database.items.insert_one({"_id": "hello"})
print(servers.redis.pid, servers.mongo.pid, flush=True)
sys.stdin.read()
"""

SESSION = """
import pytest

def test_something(redis_server, mongo_server, capfd):
    with capfd.disabled():
        print(redis_server.pid, mongo_server.pid, redis_server.data_dir, mongo_server.data_dir, flush=True)
    import time
    time.sleep(600)
"""


def test_the_servers_of_a_killed_run_end_and_the_next_run_finds_their_data(tmp_path: Path) -> None:
    with python(RUN, tmp_path) as run:
        pids = [int(word) for word in next_line(run).split()]
        assert all(map(is_running, pids)), "servers outlive the thread that started them"
        run.kill()
        run.wait()
        with servers_for({}, tmp_path) as servers:
            assert not any(map(is_running, pids))
            assert redis.Redis.from_url(servers.redis_url).get("text") == b"hello"
            with MongoClient[dict[str, str]](servers.mongodb_uri) as client:
                assert client.get_default_database().items.find_one() == {"_id": "hello"}


def test_the_servers_of_a_run_that_ends_without_stopping_them_end_too(tmp_path: Path) -> None:
    with python(RUN, tmp_path) as run:
        pids = [int(word) for word in next_line(run).split()]
        assert run.stdin is not None
        run.stdin.close()
        assert run.wait(30) == 0
        wait_until(lambda: not any(map(is_running, pids)), message="the servers ended")


def test_a_killed_test_session_leaves_neither_servers_nor_folders(tmp_path: Path) -> None:
    (tmp_path / "test_session.py").write_text(SESSION)
    arguments = ["-q", "-p", "tests.conftest", "-p", "no:cacheprovider", "-c", str(REPOSITORY / "pyproject.toml")]
    with python("import sys, pytest; pytest.main(sys.argv[1:])", *arguments, tmp_path) as session:
        redis_pid, mongo_pid, *folders = next_line(session).split()
        pids = [int(redis_pid), int(mongo_pid)]
        assert all(map(is_running, pids))
        session.kill()
        session.wait()
        wait_until(lambda: not any(map(is_running, pids)), message="the servers ended")
        wait_until(lambda: not any(Path(folder).exists() for folder in folders), message="the folders were deleted")
