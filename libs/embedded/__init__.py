"""Redis and MongoDB on this machine, for development, demonstrations and tests: no set-up, nothing left behind.

The smallest use::

    with RedisServer() as server:
        client = redis.Redis.from_url(server.url)

What they promise:

- they are ready when ``start`` returns, on a free port of 127.0.0.1;
- a later start on the same data folder finds the same data; two at once are refused;
- they end when the process that started them ends, even after SIGKILL;
- what goes wrong is an :class:`EmbeddedServerError` whose message is meant for a person.

:func:`servers_for` starts only what ``REDIS_URL`` and ``MONGODB_URI`` do not name. For tests of faults a server can be
killed, started again on the same port and data, paused and resumed.
"""

from libs.embedded.environment import EmbeddedServers, servers_for
from libs.embedded.errors import DataFolderBusyError, EmbeddedServerError, ServerMissingError, StartFailedError
from libs.embedded.mongo_server import MongoServer
from libs.embedded.redis_server import RedisServer
from libs.embedded.server import EmbeddedServer

__all__ = [
    "DataFolderBusyError",
    "EmbeddedServer",
    "EmbeddedServerError",
    "EmbeddedServers",
    "MongoServer",
    "RedisServer",
    "ServerMissingError",
    "StartFailedError",
    "servers_for",
]
