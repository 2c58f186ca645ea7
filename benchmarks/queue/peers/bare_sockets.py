"""What this machine allows at best: no queue at all, but the two messages that any queue with leases needs.

The producer pushes on a list; the worker, blocked on it, is handed the entry, asks Redis one more thing as if to take
the job, and starts. Both speak over bare sockets. What a queue takes longer than this is its own; what this takes is
the waking of sleeping processes.
"""

import json
import socket
from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit

import hiredis

from benchmarks.queue.peers.jobs import plain_job
from benchmarks.queue.peers.peer import QUEUE, Data, JobKind
from benchmarks.queue.tally import Tally


def _packed(*words: Any) -> bytes:
    command: bytes = hiredis.pack_command(words)
    return command


_WAIT = _packed("BLPOP", QUEUE, 0)
_TAKE = _packed("PING")


class BareSockets:
    """Two sockets."""

    bulk: ClassVar[int] = 1

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._socket = socket.create_connection((address.hostname or "127.0.0.1", address.port or 6379))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def enqueue(self, data: Data) -> None:
        """Pushes one entry."""
        self._ask(_packed("LPUSH", QUEUE, json.dumps(data)))

    def enqueue_bulk(self, batch: Sequence[Data]) -> None:
        """Pushes them one by one."""
        for data in batch:
            self.enqueue(data)

    def work(self, kind: JobKind, tally: Tally, *, concurrency: int) -> None:  # noqa: ARG002 - one at a time
        """Waits for entries."""
        do = plain_job(kind, tally)
        reader = hiredis.Reader()
        while True:
            reader.feed(self._ask(_WAIT))
            _queue, entry = reader.gets()
            self._ask(_TAKE)
            do(json.loads(entry)["sentUs"])

    def _ask(self, packed: bytes) -> bytes:
        self._socket.sendall(packed)
        return self._socket.recv(65_536)
