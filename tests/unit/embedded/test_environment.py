"""Servers that the environment names."""

import pytest

from libs.embedded import servers_for

GIVEN = {"REDIS_URL": "redis://cache.example:6379/2", "MONGODB_URI": "mongodb://db.example:27017/tuco"}


def test_given_servers_are_used_and_nothing_is_started() -> None:
    with servers_for(GIVEN, data_dir=None) as servers:
        assert (servers.redis, servers.mongo) == (None, None)
        assert servers.environ() == GIVEN
        assert servers.summary == (
            "Redis: redis://cache.example:6379/2, as the environment says\n"
            "MongoDB: mongodb://db.example:27017/tuco, as the environment says"
        )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rediss://:hunter2@cache.example/0", "rediss://cache.example/0"),
        ("redis://cache.example/0?username=me&password=hunter2", "redis://cache.example/0"),
        ("mongodb+srv://me:hunter2@a.example,b.example/tuco?tls=true", "mongodb+srv://a.example,b.example/tuco"),
        ("mongodb://me:hunter2/@?@a.example/tuco", "mongodb://a.example/tuco"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
        ("redis://[::1", "redis://[::1"),
    ],
)
def test_the_summary_shows_no_secret(url: str, shown: str) -> None:
    servers = servers_for({"REDIS_URL": url, "MONGODB_URI": url}, data_dir=None)
    assert servers.summary.count(f": {shown}, as") == 2
    assert "hunter2" not in servers.summary
