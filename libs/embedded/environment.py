"""Both stores for a run: what the environment names is used, what it does not name is started on this machine.

The smallest use::

    with servers_for(os.environ, Path(".tuco")) as servers:
        print(servers.summary)
        subprocess.run(command, env={**os.environ, **servers.environ()})
"""

import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from libs.embedded.binaries import MONGOD, REDIS_SERVER
from libs.embedded.mongo_server import MongoServer
from libs.embedded.redis_server import RedisServer
from libs.embedded.server import EmbeddedServer


@dataclass(frozen=True, kw_only=True)
class EmbeddedServers:
    """The stores of a run, ready to be used. A context manager that ends what was started.

    Made by :func:`servers_for`.

    Args:
        redis_url: where Redis is.
        mongodb_uri: where MongoDB is.
        redis: the Redis that was started, or None where one was given.
        mongo: the MongoDB that was started, or None where one was given.
        summary: which servers are used and where, a line each, free of secrets.
    """

    redis_url: str
    mongodb_uri: str
    redis: RedisServer | None
    mongo: MongoServer | None
    summary: str
    _started: ExitStack = field(repr=False)

    def environ(self) -> dict[str, str]:
        """The variables by which other processes find the servers."""
        return {REDIS_SERVER.variable: self.redis_url, MONGOD.variable: self.mongodb_uri}

    def stop(self) -> None:
        """Stop what was started; given servers are left alone. May be called twice."""
        self._started.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def servers_for(environ: Mapping[str, str], data_dir: Path | None) -> EmbeddedServers:
    """Start the servers that ``environ`` does not name.

    Args:
        environ: environment variables; ``REDIS_URL`` and ``MONGODB_URI`` name servers, an empty one counts as not set.
        data_dir: where the data of started servers live, each in a folder of its own (``redis``, ``mongodb``); None for
            temporary folders that are deleted at the end.

    Raises:
        EmbeddedServerError: a server that is needed cannot be started; none is left running.
    """
    given_redis, given_mongo = environ.get(REDIS_SERVER.variable), environ.get(MONGOD.variable)
    with ExitStack() as stack:
        redis = None if given_redis else RedisServer(data_dir and data_dir / "redis")
        stack.callback(_stop, redis)
        mongo = None if given_mongo else MongoServer(data_dir and data_dir / "mongodb")
        stack.callback(_stop, mongo)
        for server in (redis, mongo):
            if server is not None:
                server.start()
        redis_url = redis.url if redis else str(given_redis)
        mongodb_uri = mongo.uri if mongo else str(given_mongo)
        return EmbeddedServers(
            redis_url=redis_url,
            mongodb_uri=mongodb_uri,
            redis=redis,
            mongo=mongo,
            summary=f"Redis: {_describe(redis, redis_url)}\nMongoDB: {_describe(mongo, mongodb_uri)}",
            _started=stack.pop_all(),
        )


def _describe(server: EmbeddedServer | None, url: str) -> str:
    if server is None:
        return f"{_without_secrets(url)}, as the environment says"
    kept = "thrown away at the end" if server.temporary else f"kept in {server.data_dir}"
    return f"{_without_secrets(url)}, started here, data {kept}"


def _without_secrets(url: str) -> str:
    """``url`` without user, password and options; where a password is not escaped, rather less of it than more."""
    return re.sub(r"^([\w+.-]*://)(?:.*@)?([^?]*).*$", r"\1\2", url, flags=re.DOTALL)


def _stop(server: EmbeddedServer | None) -> None:
    if server is not None:
        server.stop()
