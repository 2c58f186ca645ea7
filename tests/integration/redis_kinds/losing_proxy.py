"""A way to Redis on which answers get lost: a request is carried out, and the connection breaks before the reply."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from libs.embedded import ports


class LosingProxy:
    """Passes bytes on, and loses answers when told to.

    Args:
        port: where Redis is, on this machine.
    """

    def __init__(self, port: int) -> None:
        self._redis_port = port
        self._listener = socket.create_server((ports.HOST, 0))
        self._sockets: list[socket.socket] = []
        self._lose_answer_to = b""
        self.requests: list[bytes] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"redis://{ports.HOST}:{self._listener.getsockname()[1]}/0"

    def lose_answer_to(self, words: bytes) -> None:
        """Loses the answer to the next request that holds these words."""
        self._lose_answer_to = words

    def lead_to(self, port: int) -> None:
        """New connections go to another server."""
        self._redis_port = port

    def requests_with(self, words: bytes) -> int:
        """How many requests with these words arrived."""
        return sum(words in request for request in self.requests)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in (self._listener, *self._sockets):
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection((ports.HOST, self._redis_port))
                self._sockets += [client, server]
                threading.Thread(target=self._serve, args=(client, server), daemon=True).start()

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        """One request at a time, as redis-py's clients send them."""
        threading.Thread(target=self._answer, args=(client, server), daemon=True).start()
        with suppress(OSError):
            while request := client.recv(1 << 20):
                self.requests.append(request)
                if self._lose_answer_to and self._lose_answer_to in request:
                    self._lose_answer_to = b""
                    client.shutdown(socket.SHUT_RDWR)
                server.sendall(request)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while answer := server.recv(1 << 20):
                client.sendall(answer)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
