"""Choosing a TCP port for a server on this machine.

Ports come from below the ranges that operating systems hand to outgoing connections (Linux from 32768, macOS from
49152), so that a connection cannot take a stopped server's port before it is started again. The offset of 10,000
at which a Redis Cluster node opens its bus (https://redis.io/docs/latest/operate/oss_and_stack/management/scaling/)
stays below that too.
"""

import random
import socket
from collections.abc import Callable

HOST = "127.0.0.1"
CLUSTER_BUS_OFFSET = 10_000
_FIRST, _LAST = 12_000, 21_999


def is_free(port: int) -> bool:
    """Whether a server can listen on ``port`` of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def choose(acceptable: Callable[[int], bool] = is_free, *, source: random.Random | None = None) -> int:
    """A port that ``acceptable`` accepts.

    Args:
        acceptable: says whether a port will do.
        source: where candidates come from.

    Raises:
        OSError: a thousand candidates were refused.
    """
    source = source or random.SystemRandom()
    for _ in range(1000):
        port = source.randint(_FIRST, _LAST)
        if acceptable(port):
            return port
    raise OSError(f"no free port on {HOST} between {_FIRST} and {_LAST}")
