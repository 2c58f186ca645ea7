"""The one place where a Redis client is made, and where Redis's errors become ours."""

# redis-py has no types for its cluster and sentinels.
# mypy: allow-untyped-calls

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn, cast

from redis import Redis
from redis import exceptions as redis_exceptions
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from libs.common.broker.cluster import Cluster, is_unreachable
from libs.common.errors import QueueFull, StoreUnavailable
from libs.common.redis_url import RedisAddress, RedisKind, read_redis_url
from libs.common.settings import Settings

_CONNECT_TIMEOUT_S = 2.0
_SENTINEL_TIMEOUT_S = 1.0
_HEALTH_CHECK_S = 15

_AWAY = (
    redis_exceptions.ConnectionError,
    redis_exceptions.TimeoutError,
    redis_exceptions.ReadOnlyError,
    redis_exceptions.ClusterError,
    redis_exceptions.TryAgainError,
    redis_exceptions.AskError,
    redis_exceptions.NoPermissionError,
    redis_exceptions.InvalidResponse,
)
REDIS_ERRORS = (redis_exceptions.RedisError, redis_exceptions.RedisClusterException)
"""All that redis-py raises of its own."""
_REFUSED = re.compile(
    r"\b(READONLY|LOADING|BUSY|MASTERDOWN|MISCONF|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|UNBLOCKED|NOPERM"
    r"|can't run this command or subcommand|can't access one of the keys)\b"
)
"""What Redis says where it cannot or may not serve; a script's inner command says it inside the script's own error."""


def connect_redis(settings: Settings, *, socket_timeout_s: float = 5.0) -> Redis:
    """A thread-safe client that answers bytes; nothing is sent until it is used.

    A command whose connection broke or timed out is sent once more, which may run it twice. What must not run twice
    goes through :class:`~libs.common.broker.transport.ScriptRunner`, which knows which scripts may.

    Args:
        settings: gives the address; :mod:`libs.common.redis_url` lists its forms.
        socket_timeout_s: how long one answer may take.

    Returns:
        for a cluster a :class:`~libs.common.broker.cluster.Cluster`, which has the same commands. What differs is
        looked after in :mod:`libs.common.broker.transport`.

    Raises:
        SettingsError: the address is none.
    """
    address = read_redis_url(settings.redis_url.reveal())
    timeouts = {"socket_timeout": socket_timeout_s, "socket_connect_timeout": _CONNECT_TIMEOUT_S}
    common = {**timeouts, "socket_keepalive": True, "protocol": 2}
    match address.kind:
        case RedisKind.CLUSTER:
            options = {**common, "require_full_coverage": False, "retry": _once_more(), **address.options}
            return cast("Redis", Cluster(address.nodes, **options))
        case RedisKind.SENTINEL:
            return _behind_sentinels(address, common)
        case RedisKind.SERVER:
            return Redis.from_url(address.url, **common, **_for_servers())


class LockedSentinel(Sentinel):
    """redis-py's, made safe for threads: each that discovers the master reorders the list of sentinels."""

    def __init__(self, sentinels: tuple[tuple[str, int], ...], **options: Any) -> None:
        super().__init__(list(sentinels), **options)
        self._discovering = threading.Lock()

    def discover_master(self, service_name: str) -> tuple[str, int]:
        """Host and port of the present master.

        Raises:
            MasterNotFoundError: no sentinel knows one that works.
        """
        with self._discovering:
            host, port = super().discover_master(service_name)
            return host, port


def _behind_sentinels(address: RedisAddress, common: Mapping[str, Any]) -> Redis:
    # One that does not answer is not asked again, as redis-py would ten times: there are others.
    to_sentinels: dict[str, Any] = {
        "socket_timeout": _SENTINEL_TIMEOUT_S,
        "socket_connect_timeout": _SENTINEL_TIMEOUT_S,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }
    sentinel = LockedSentinel(address.nodes, sentinel_kwargs={**to_sentinels, **address.sentinel_options})
    client: Redis = sentinel.master_for(address.master, **{**common, **_for_servers(), **address.options})
    return client


def _for_servers() -> dict[str, Any]:
    return {"retry": _once_more(), "retry_on_error": [], "health_check_interval": _HEALTH_CHECK_S}


def _once_more() -> Retry:
    return Retry(ExponentialBackoff(base=0.01, cap=0.1), 1)


def is_read_only(error: Exception) -> bool:
    """Whether Redis refused to write because it is a replica by now; redis-py and scripts each wrap its words."""
    return "read only replica" in str(error)


@contextmanager
def redis_errors() -> Iterator[None]:
    """Raises Redis's refusals and absences as ours.

    Raises:
        QueueFull: ``maxmemory`` is reached.
        StoreUnavailable: Redis is away, loading, read-only, failing over, without a master, moving the keys to another
            node, or does not let this user do it.
    """
    try:
        yield
    except REDIS_ERRORS as error:
        raise_ours(error)


def raise_ours(error: Exception) -> NoReturn:
    """Raises what :func:`redis_errors` says of one of redis-py's errors; the error itself where the fault is ours.

    Raises:
        QueueFull: as :func:`redis_errors`.
        StoreUnavailable: as :func:`redis_errors`.
    """
    text = str(error)
    if isinstance(error, redis_exceptions.OutOfMemoryError) or (
        isinstance(error, redis_exceptions.ResponseError) and re.search(r"\bOOM\b", text)
    ):
        raise QueueFull("redis", "maxmemory is reached; new jobs are refused until memory is freed") from error
    if (
        isinstance(error, _AWAY)
        or (isinstance(error, redis_exceptions.RedisClusterException) and is_unreachable(error))
        or (isinstance(error, redis_exceptions.ResponseError) and _REFUSED.search(text))
    ):
        raise StoreUnavailable("redis", text or type(error).__name__) from error
    raise error
