"""Every form of ``REDIS_URL``, and what is said about those that are none."""

import pytest

from libs.common.errors import SettingsError
from libs.common.redis_url import RedisKind, read_redis_url
from libs.common.settings import load_settings


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("redis://localhost", RedisKind.SERVER),
        ("rediss://user:secret@redis.example.com:6380/2?ssl_ca_certs=/etc/ca.pem", RedisKind.SERVER),
        ("unix:///run/redis.sock?db=1", RedisKind.SERVER),
        ("redis+cluster://one:7000,two:7001", RedisKind.CLUSTER),
        ("rediss+cluster://user:secret@one/0", RedisKind.CLUSTER),
        ("redis+sentinel://one:26379,two:26380/main", RedisKind.SENTINEL),
        ("rediss+sentinel://one/main?db=3", RedisKind.SENTINEL),
    ],
)
def test_every_form_is_accepted_at_start(url: str, kind: RedisKind) -> None:
    assert load_settings({"REDIS_URL": url}).redis_url.reveal() == url
    assert read_redis_url(url).kind is kind


def test_a_cluster_s_nodes_user_and_password_are_read() -> None:
    address = read_redis_url("rediss+cluster://us%2Cer:p%40ss@one:7000,two,[::1]:7001?ssl_cert_reqs=none")
    assert address.nodes == (("one", 7000), ("two", 6379), ("::1", 7001))
    assert address.options == {"username": "us,er", "password": "p@ss", "ssl": True, "ssl_cert_reqs": "none"}


def test_the_sentinels_have_a_password_of_their_own_and_the_same_certificates() -> None:
    address = read_redis_url(
        "rediss+sentinel://user:secret@one,two:1/my%2Dmaster?db=3&sentinel_password=other&ssl_ca_certs=/ca.pem"
    )
    assert address.nodes == (("one", 26379), ("two", 1))
    assert address.master == "my-master"
    assert address.options == {
        "username": "user",
        "password": "secret",
        "db": 3,
        "ssl": True,
        "ssl_ca_certs": "/ca.pem",
    }
    assert address.sentinel_options == {"password": "other", "ssl": True, "ssl_ca_certs": "/ca.pem"}


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://localhost", "it should start with redis:// or rediss://"),
        ("redis://", "it names no host"),
        ("redis+cluster://", "each of its nodes should be host:port"),
        ("redis+cluster://one,,two", "each of its nodes should be host:port"),
        ("redis+cluster://one:seven", "a port should be a whole number"),
        ("redis+cluster://one:70000", "a port should be a whole number"),
        ("redis+cluster://one/1", "a cluster has no database but 0"),
        ("redis+cluster://one?db=1", "a cluster has no database but 0"),
        ("redis+sentinel://one", "it should end with what the sentinels call the server"),
        ("redis+sentinel://one/", "it should end with what the sentinels call the server"),
        ("redis+sentinel://one/main/0", "it should end with what the sentinels call the server"),
        ("redis://one?colour=red", "unknown option colour; known are client_name, db"),
        ("redis://one?sentinel_password=x", "unknown option sentinel_password"),
        ("redis+sentinel://one/main?db=zero", "Invalid value for 'db'"),
        ("redis://one:port", "host, port or password cannot be read"),
    ],
)
def test_a_wrong_url_stops_the_process_with_what_is_wrong(url: str, problem: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings({"REDIS_URL": url})
    assert str(raised.value).startswith("REDIS_URL is wrong: ")
    assert problem in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:zebra/fish@one",
        "redis://:zebra?fish@one",
        "redis+cluster://:zebrafish@one:x",
        "redis+cluster://:zebra?fish=1@one",
        "redis://:zebrafish@[one",
        "postgres://:zebrafish@one",
    ],
)
def test_no_part_of_a_password_is_repeated(url: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings({"REDIS_URL": url})
    assert "zebra" not in str(raised.value)
    assert "fish" not in str(raised.value)


def test_an_address_shows_no_secret() -> None:
    shown = repr(read_redis_url("redis+sentinel://user:swordfish@one/main?sentinel_password=swordfish"))
    assert "swordfish" not in shown
    assert "swordfish" not in repr(read_redis_url("redis://:swordfish@one"))
