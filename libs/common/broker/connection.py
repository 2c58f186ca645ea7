"""The one place where a Redis client is made, and where Redis's errors become ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis import exceptions as redis_exceptions
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from libs.common.errors import QueueFull, StoreUnavailable
from libs.common.settings import Settings

_AWAY = (
    redis_exceptions.ConnectionError,
    redis_exceptions.TimeoutError,
    redis_exceptions.BusyLoadingError,
    redis_exceptions.ReadOnlyError,
    redis_exceptions.ClusterDownError,
    redis_exceptions.MasterDownError,
    redis_exceptions.TryAgainError,
)


def connect_redis(settings: Settings, *, socket_timeout_s: float = 5.0) -> Redis:
    """A thread-safe client that answers bytes; nothing is sent until it is used.

    A command whose connection broke is not sent again by the client: every caller knows better whether it may be.
    """
    return Redis.from_url(
        settings.redis_url.reveal(),
        socket_timeout=socket_timeout_s,
        socket_connect_timeout=2.0,
        socket_keepalive=True,
        health_check_interval=15,
        retry=Retry(ExponentialBackoff(base=0.01, cap=0.1), 1),
        retry_on_error=[],
        protocol=2,
    )


@contextmanager
def redis_errors() -> Iterator[None]:
    """Raises Redis's refusals and absences as ours.

    Raises:
        QueueFull: ``maxmemory`` is reached.
        StoreUnavailable: Redis is away, loading, read-only or failing over.
    """
    try:
        yield
    except redis_exceptions.OutOfMemoryError as error:
        raise QueueFull("redis", "maxmemory is reached; new jobs are refused until memory is freed") from error
    except _AWAY as error:
        raise StoreUnavailable("redis", str(error) or type(error).__name__) from error
    except redis_exceptions.ResponseError as error:
        # A script's inner command reports these inside the script's own error text.
        text = str(error)
        if "OOM" in text:
            raise QueueFull("redis", "maxmemory is reached; new jobs are refused until memory is freed") from error
        if any(word in text for word in ("READONLY", "LOADING", "MASTERDOWN", "MISCONF", "CLUSTERDOWN")):
            raise StoreUnavailable("redis", text) from error
        raise
