"""Redis and MongoDB on this machine, for development, demonstrations and tests: no set-up, nothing left behind.

    with RedisServer() as server:
        client = redis.Redis.from_url(server.url)

What they promise:

- they are ready when ``start`` returns, on a free port of 127.0.0.1;
- a second start on the same data folder finds the same data, two at once are refused;
- they end when the process that started them ends, even after SIGKILL.
"""

from libs.embedded.errors import DataFolderBusyError, EmbeddedServerError, ServerMissingError, StartFailedError
from libs.embedded.mongo_server import MongoServer
from libs.embedded.redis_server import RedisServer

__all__ = [
    "DataFolderBusyError",
    "EmbeddedServerError",
    "MongoServer",
    "RedisServer",
    "ServerMissingError",
    "StartFailedError",
]
