"""The stores of an installation: whole, behind a bad network, in a set of three, behind sentinels, on small disks."""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from libs.common.redis_url import RedisKind, read_redis_url
from libs.embedded import MongoServer, RedisServer, ports
from tests.chaos.disks import ImageDisk, SmallDisk
from tests.chaos.mongo_set import MongoSet
from tests.chaos.wire import Wire
from tests.integration.redis_kinds.servers import SentinelServers

T = TypeVar("T")

DATABASE = "tuco"

_PASSWORD = "swordfish"
_SMALL_REDIS_MB = 24
_SMALL_MONGO_MB = 480
_IMAGE_MB = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """The stores that an installation runs on.

    Args:
        redis: the Redis; the first master where there are several.
        mongo: the MongoDB; the first primary where there are several.
        redis_url: what the processes are told.
        mongodb_uri: the same.
        parts: what else they consist of, for the faults that know of it.
    """

    redis: RedisServer
    mongo: MongoServer
    redis_url: str
    mongodb_uri: str
    parts: tuple[object, ...] = ()

    def part(self, kind: type[T]) -> T:
        """The first part of this kind.

        Raises:
            LookupError: there is none.
        """
        found = next((part for part in self.parts if isinstance(part, kind)), None)
        if found is None:
            raise LookupError(f"these stores have no {kind.__name__}")
        return found

    @property
    def behind_sentinels(self) -> bool:
        """Whether sentinels say which Redis is the master."""
        return read_redis_url(self.redis_url).kind is RedisKind.SENTINEL


MakeStores = Callable[[ExitStack], Stores]
"""Starts stores, which end with the stack."""


def plain(things: ExitStack) -> Stores:
    """One Redis and one MongoDB."""
    return _of(things.enter_context(RedisServer()), things.enter_context(MongoServer()))


def beside_a_wire_to_redis(things: ExitStack) -> Stores:
    """As :func:`plain`, with a second way to Redis for those who are told of it."""
    stores = plain(things)
    return _with(stores, things.enter_context(Wire([stores.redis.port])))


def beside_a_wire_to_mongo(things: ExitStack) -> Stores:
    """As :func:`plain`, with a second way to MongoDB for those who are told of it."""
    stores = plain(things)
    return _with(stores, things.enter_context(Wire([stores.mongo.port])))


def behind_a_wire_to_redis(things: ExitStack) -> Stores:
    """Everybody reaches Redis through a wire."""
    stores = beside_a_wire_to_redis(things)
    return _with(stores, redis_url=redis_through(stores.part(Wire)))


def behind_a_wire_to_mongo(things: ExitStack) -> Stores:
    """Everybody reaches MongoDB through a wire."""
    stores = beside_a_wire_to_mongo(things)
    return _with(stores, mongodb_uri=mongo_through(stores.part(Wire)))


def behind_sentinels(things: ExitStack) -> Stores:
    """A Redis master with a replica, watched by three sentinels."""
    servers = things.enter_context(SentinelServers(password=_PASSWORD, config={"repl-timeout": 60}))
    mongo = things.enter_context(MongoServer())
    return Stores(
        redis=servers.master, mongo=mongo, redis_url=servers.url, mongodb_uri=mongo.uri_for(DATABASE), parts=(servers,)
    )


def with_three_mongos(things: ExitStack) -> Stores:
    """MongoDB as a replica set of three."""
    mongo_set = things.enter_context(MongoSet(DATABASE))
    redis = things.enter_context(RedisServer())
    return Stores(
        redis=redis, mongo=mongo_set.members[0], redis_url=redis.url, mongodb_uri=mongo_set.uri, parts=(mongo_set,)
    )


def redis_on_a_small_disk(things: ExitStack) -> Stores:
    """Redis's data are on a disk that can be full."""
    disk = things.enter_context(SmallDisk(megabytes=_SMALL_REDIS_MB))
    redis = things.enter_context(RedisServer(disk.folder / "redis"))
    return _with(_of(redis, things.enter_context(MongoServer())), disk)


def mongo_on_a_small_disk(things: ExitStack) -> Stores:
    """MongoDB's data are on a disk that can be full; they are written there every other second."""
    disk = things.enter_context(SmallDisk(megabytes=_SMALL_MONGO_MB))
    mongo = things.enter_context(MongoServer(disk.folder / "mongo", parameters={"syncdelay": 2.0}))
    return _with(_of(things.enter_context(RedisServer()), mongo), disk)


def redis_on_an_image(things: ExitStack) -> Stores:
    """Redis's data are on a disk whose power can be cut."""
    disk = things.enter_context(ImageDisk(megabytes=_IMAGE_MB))
    redis = things.enter_context(RedisServer(disk.folder / "redis"))
    disk.sync()
    return _with(_of(redis, things.enter_context(MongoServer())), disk)


def redis_in_a_folder(things: ExitStack) -> Stores:
    """Redis's data are in a folder that outlives a kill."""
    folder = Path(things.enter_context(tempfile.TemporaryDirectory(prefix="tuco-")))
    redis = things.enter_context(RedisServer(folder / "redis"))
    return _of(redis, things.enter_context(MongoServer()))


def redis_through(wire: Wire) -> str:
    """The URL of Redis through a wire."""
    return f"redis://{ports.HOST}:{wire.port}/0"


def mongo_through(wire: Wire) -> str:
    """The URI of MongoDB through a wire; direct, or the client would learn the server's own address and go there."""
    return f"mongodb://{ports.HOST}:{wire.port}/{DATABASE}?directConnection=true"


def _of(redis: RedisServer, mongo: MongoServer) -> Stores:
    return Stores(redis=redis, mongo=mongo, redis_url=redis.url, mongodb_uri=mongo.uri_for(DATABASE))


def _with(stores: Stores, *parts: object, redis_url: str = "", mongodb_uri: str = "") -> Stores:
    return Stores(
        redis=stores.redis,
        mongo=stores.mongo,
        redis_url=redis_url or stores.redis_url,
        mongodb_uri=mongodb_uri or stores.mongodb_uri,
        parts=(*stores.parts, *parts),
    )
