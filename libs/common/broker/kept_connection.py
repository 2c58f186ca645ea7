"""A connection that a thread keeps, for calls that are made thousands of times a second.

Taking a connection from redis-py's pool and giving it back costs as much as packing and sending a small command, so
each thread keeps the one that it took first, until it breaks. That is told to the caller, who knows whether the call
may be made again.

On a plain socket the bytes are exchanged here as well, with hiredis: a Python socket with a time-out asks the system
before each read and write whether it may, so the time-outs are the socket's own (``SO_RCVTIMEO``, ``SO_SNDTIMEO``;
https://man7.org/linux/man-pages/man7/socket.7.html) and a call is one write and one read.
"""

import os
import socket
import ssl
import struct
import threading
import time
from typing import Any, cast
from weakref import WeakKeyDictionary, ref

import hiredis
from redis import Redis
from redis import exceptions as redis_exceptions
from redis.connection import ConnectionPool, DefaultParser
from redis.exceptions import ResponseError

from libs.common.broker.connection import is_read_only

_READ_BYTES = 65_536
_NOT_YET = object()


class _Kept(threading.local):
    """This thread's connection of each pool."""

    def __init__(self) -> None:
        self.connections: WeakKeyDictionary[ConnectionPool, KeptConnection] = WeakKeyDictionary()


_kept = _Kept()


def _forget_the_parent() -> None:
    # What the parent keeps is the parent's; redis-py's pool sees for itself that it was forked.
    for kept in _kept.connections.values():
        kept.disown()
    _kept.connections = WeakKeyDictionary()


os.register_at_fork(after_in_child=_forget_the_parent)


def call(redis: "Redis", packed: bytes) -> Any:
    """Sends a packed command and answers what Redis answers.

    Raises:
        ResponseError: Redis refused the command.
        ConnectionError: the connection broke; the command may have run.
        TimeoutError: no answer came in time; the command may have run.
    """
    pool = redis.connection_pool
    kept = _kept.connections.get(pool)
    if kept is not None and not kept.is_alive():
        _let_go(pool)
        kept = None
    if kept is None:
        kept = _kept.connections[pool] = KeptConnection(pool)
    try:
        return kept.exchange(packed)
    except ResponseError as error:
        if is_read_only(error):
            _let_go(pool)
        raise
    except BaseException:
        # The answer may still come, and must not be taken for that to another command.
        _let_go(pool)
        raise


def _let_go(pool: ConnectionPool) -> None:
    """Gives a connection back closed: only one that comes from the pool looks anew for who is the master."""
    _kept.connections.pop(pool).close()


class KeptConnection:
    """A connection taken from a pool, given back closed when it breaks or its thread ends.

    Args:
        pool: where it comes from.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = ref(pool)
        self._connection = cast("Any", pool.get_connection())
        self._next_check = time.monotonic() + self._connection.health_check_interval
        # redis-py has no public name for a connection's socket.
        self._socket: socket.socket | None = None
        found = self._connection._sock  # noqa: SLF001
        if isinstance(found, socket.socket) and not isinstance(found, ssl.SSLSocket):
            self._socket = found
            _let_the_system_time(found, self._connection.socket_timeout)
            self._buffer = bytearray(_READ_BYTES)
            self._reader = hiredis.Reader(
                protocolError=redis_exceptions.InvalidResponse,
                replyError=DefaultParser.parse_error,
                notEnoughData=_NOT_YET,
            )

    def __del__(self) -> None:
        self.close()

    def disown(self) -> None:
        """Leaves the connection alone: it is another process's."""
        self._connection = None

    def close(self) -> None:
        """Closes the connection and gives it back."""
        connection, self._connection, self._socket = getattr(self, "_connection", None), None, None
        if connection is None:
            return
        connection.disconnect()
        if pool := self._pool():
            pool.release(connection)

    def is_alive(self) -> bool:
        """Whether the connection still works, asked where it was idle for longer than its pool trusts one."""
        interval = self._connection.health_check_interval
        if not interval:
            return True
        now = time.monotonic()
        is_due, self._next_check = now > self._next_check, now + interval
        if not is_due:
            return True
        try:
            self.exchange(hiredis.pack_command(("PING",)))
        except redis_exceptions.RedisError:
            return False
        return True

    def exchange(self, packed: bytes) -> Any:
        """Sends a packed command and answers what Redis answers.

        Raises:
            RedisError: as :func:`call` says.
        """
        if self._socket is None:
            self._connection.send_packed_command([packed])
            return self._connection.read_response()
        try:
            answer = self._on_the_socket(self._socket, packed)
        except BlockingIOError as error:
            raise redis_exceptions.TimeoutError("no answer in time") from error
        except OSError as error:
            raise redis_exceptions.ConnectionError(str(error)) from error
        if isinstance(answer, redis_exceptions.RedisError):
            raise answer
        return answer

    def _on_the_socket(self, connected: socket.socket, packed: bytes) -> Any:
        connected.sendall(packed)
        # hiredis reads from any buffer, whatever its types say.
        reader, buffer = cast("Any", self._reader), self._buffer
        while True:
            read = connected.recv_into(buffer)
            if not read:
                raise redis_exceptions.ConnectionError("Connection closed by server.")
            reader.feed(buffer, 0, read)
            answer = reader.gets()
            if answer is not _NOT_YET:
                return answer


def _let_the_system_time(connected: socket.socket, timeout_s: float | None) -> None:
    connected.settimeout(None)
    if timeout_s:
        whole, part = divmod(timeout_s, 1)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            connected.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", int(whole), int(part * 1_000_000)))
