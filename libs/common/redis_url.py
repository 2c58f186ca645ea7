"""Reads ``REDIS_URL``: one server, a cluster, or a server that sentinels watch.

- ``redis://[user:password@]host[:port][/db]``; ``rediss://`` with TLS; ``unix://[user:password@]/path?db=0``
- ``redis+cluster://[user:password@]host:port,host:port``; ``rediss+cluster://`` with TLS
- ``redis+sentinel://[user:password@]host:port,host:port/master-name[?db=0&sentinel_password=...]``;
  ``rediss+sentinel://`` with TLS to servers and sentinels

Options follow a ``?`` and are those of redis-py that :data:`OPTIONS` names. A user or password that holds
``@ : / ? # %`` or a comma is percent-encoded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs, unquote

from redis.connection import parse_url

from libs.common.errors import SettingsError

SCHEMES = (
    "redis://",
    "rediss://",
    "unix://",
    "redis+cluster://",
    "rediss+cluster://",
    "redis+sentinel://",
    "rediss+sentinel://",
)
OPTIONS = frozenset(
    {
        "client_name",
        "db",
        "max_connections",
        "password",
        "socket_connect_timeout",
        "socket_timeout",
        "ssl_ca_certs",
        "ssl_ca_path",
        "ssl_cert_reqs",
        "ssl_certfile",
        "ssl_check_hostname",
        "ssl_keyfile",
        "ssl_password",
        "username",
    }
)
SENTINEL_OPTIONS = frozenset({"sentinel_password", "sentinel_username"})
_UNREADABLE = "host, port or password cannot be read; percent-encode @ : / ? # %"
_PORTS = {"cluster": 6379, "sentinel": 26379}


class RedisKind(StrEnum):
    """What answers at the other end."""

    SERVER = "server"
    CLUSTER = "cluster"
    SENTINEL = "sentinel"


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisAddress:
    """Where Redis is and how to get in; secrets are in what ``repr`` leaves out.

    Args:
        kind: what answers there.
        nodes: host and port of the cluster's nodes, or of the sentinels; none for one server.
        master: what the sentinels call the server.
        url: one server's address, as redis-py reads it.
        options: how to connect, in redis-py's words.
        sentinel_options: how to connect to the sentinels, where that differs.
    """

    kind: RedisKind
    nodes: tuple[tuple[str, int], ...] = ()
    master: str = ""
    url: str = field(default="", repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    sentinel_options: Mapping[str, Any] = field(default_factory=dict, repr=False)


def read_redis_url(url: str) -> RedisAddress:
    """The address that ``url`` names.

    Raises:
        SettingsError: saying what is wrong with it, without repeating it.
    """
    if not url.startswith(SCHEMES):
        raise _wrong(f"it should start with {' or '.join(SCHEMES)}")
    scheme, _, rest = url.partition("://")
    place, _, query = rest.partition("?")
    kind = RedisKind(scheme.partition("+")[2] or RedisKind.SERVER)
    _check_options(query, known=OPTIONS | (SENTINEL_OPTIONS if kind is RedisKind.SENTINEL else frozenset()))
    if kind is RedisKind.SERVER:
        return _server(url)
    authority, _, path = place.partition("/")
    credentials, at, hosts = authority.rpartition("@")
    options = _parsed(f"redis://{credentials}{at}host?{query}")
    del options["host"]
    if scheme.startswith("rediss"):
        options["ssl"] = True
    nodes = tuple(_node(host, default_port=_PORTS[kind]) for host in hosts.split(","))
    return _cluster(nodes, path, options) if kind is RedisKind.CLUSTER else _sentinel(nodes, path, options)


def _server(url: str) -> RedisAddress:
    options = _parsed(url)
    if not options.get("host") and not options.get("path"):
        raise _wrong("it names no host")
    return RedisAddress(kind=RedisKind.SERVER, url=url, options=options)


def _cluster(nodes: tuple[tuple[str, int], ...], path: str, options: dict[str, Any]) -> RedisAddress:
    if path not in ("", "0") or options.pop("db", 0) != 0:
        raise _wrong("a cluster has no database but 0, and the URL no path")
    return RedisAddress(kind=RedisKind.CLUSTER, nodes=nodes, options=options)


def _sentinel(nodes: tuple[tuple[str, int], ...], path: str, options: dict[str, Any]) -> RedisAddress:
    master = unquote(path)
    if not master or "/" in master:
        raise _wrong("it should end with what the sentinels call the server, as in .../mymaster?db=0")
    to_sentinels = {name: options.pop(f"sentinel_{name}", None) for name in ("username", "password")}
    tls = {name: value for name, value in options.items() if name.startswith("ssl")}
    return RedisAddress(
        kind=RedisKind.SENTINEL,
        nodes=nodes,
        master=master,
        options=options,
        sentinel_options={name: value for name, value in to_sentinels.items() if value} | tls,
    )


def _node(text: str, *, default_port: int) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(default_port)
    host = host.strip("[]")
    if not host:
        raise _wrong("each of its nodes should be host:port, separated by commas")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise _wrong("a port should be a whole number up to 65535")
    return host, int(port)


def _check_options(query: str, *, known: frozenset[str]) -> None:
    unknown = sorted(set(parse_qs(query, keep_blank_values=True)) - known)
    if not unknown:
        return
    if "@" in query:
        # What looks like options is the rest of a password with a question mark.
        raise _wrong(_UNREADABLE)
    raise _wrong(f"unknown option {', '.join(unknown)}; known are {', '.join(sorted(known))}")


def _parsed(url: str) -> dict[str, Any]:
    try:
        return dict(parse_url(url))  # type: ignore[no-untyped-call]  # redis-py has no types here
    except ValueError as error:
        # urllib's errors may repeat a part of the URL, which may be the password.
        said_by_redis = str(error) if "connection URL" in str(error) else ""
        raise _wrong(said_by_redis or _UNREADABLE) from None


def _wrong(problem: str) -> SettingsError:
    return SettingsError(f"REDIS_URL is wrong: {problem}")
