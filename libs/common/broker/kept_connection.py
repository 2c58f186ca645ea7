"""A connection that a thread keeps, for calls that are made thousands of times a second.

Taking a connection from redis-py's pool and giving it back costs as much as packing and sending a small command, so
each thread keeps the one that it took first, until it breaks. That is told to the caller, who knows whether the call
may be made again.
"""

import os
import threading
from typing import Any
from weakref import WeakKeyDictionary

from redis import Redis
from redis.connection import ConnectionPool
from redis.exceptions import ResponseError

from libs.common.broker.connection import is_read_only

_kept = threading.local()


def call(redis: "Redis", packed: bytes) -> Any:
    """Sends a packed command and answers what Redis answers.

    Raises:
        ResponseError: Redis refused the command.
        ConnectionError: the connection broke; the command may have run.
        TimeoutError: no answer came in time; the command may have run.
    """
    connection = _connection(redis.connection_pool)
    try:
        connection.send_packed_command([packed])
        return connection.read_response()
    except ResponseError as error:
        if is_read_only(error):
            _let_go(redis.connection_pool, connection)
        raise
    except BaseException:
        # The answer may still come, and must not be taken for that to another command.
        _let_go(redis.connection_pool, connection)
        raise


def _let_go(pool: ConnectionPool, connection: Any) -> None:
    """Gives a connection back closed: only one that comes from the pool looks anew for who is the master."""
    connection.disconnect()
    del _kept.connections[pool]
    pool.release(connection)


def _connection(pool: ConnectionPool) -> Any:
    process_id = os.getpid()
    if getattr(_kept, "process_id", None) != process_id:
        _kept.process_id = process_id
        _kept.connections = WeakKeyDictionary()
    connection = _kept.connections.get(pool)
    if connection is None:
        connection = _kept.connections[pool] = pool.get_connection()
    return connection
