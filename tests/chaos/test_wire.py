"""The bad network itself: what it does to traffic, and that it says so."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from libs.embedded import ports
from tests.chaos.wire import Network, Wire


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A wire to a server that answers what it is told."""
    with socket.create_server((ports.HOST, 0)) as server:

        def echo() -> None:
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=_echo, args=[peer], daemon=True).start()

        threading.Thread(target=echo, daemon=True).start()
        with Wire([server.getsockname()[1]]) as wire:
            yield wire


def _echo(peer: socket.socket) -> None:
    with peer, suppress(ConnectionResetError):
        while piece := peer.recv(1024):
            peer.sendall(piece)


def connected(wire: Wire) -> socket.socket:
    return socket.create_connection((ports.HOST, wire.port), timeout=5.0)


def test_what_is_well_passes(wire: Wire) -> None:
    with connected(wire) as client:
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"
    assert not wire.met


def test_a_silent_network_delivers_late(wire: Wire) -> None:
    with connected(wire) as client:
        wire.become(Network.SILENT)
        client.sendall(b"hello")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(5)
        wire.become(Network.WELL)
        client.settimeout(5.0)
        assert client.recv(5) == b"hello"
    assert wire.met[Network.SILENT] == 1


def test_a_cutting_network_lets_half_of_an_answer_pass(wire: Wire) -> None:
    with connected(wire) as client:
        wire.become(Network.CUTTING)
        client.sendall(b"hellohello")
        assert client.recv(10) == b"hello"
        with pytest.raises(ConnectionResetError):
            client.recv(10)


def test_a_resetting_network_resets_what_there_is(wire: Wire) -> None:
    with connected(wire) as client:
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"
        wire.become(Network.RESETTING)
        with pytest.raises(ConnectionResetError):
            client.recv(5)
    assert wire.met[Network.RESETTING] == 1
