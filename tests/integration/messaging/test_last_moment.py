"""A call that may not go any more is held back before its first byte."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial

import aiohttp
import pytest

from libs.common.kernel_deadline import uptime
from libs.common.providers.last_moment import NotSent, departure_socket, tracing
from libs.common.providers.last_moment import last_moment as with_last_moment
from libs.common.providers.sure_transport import SureTransport
from libs.common.providers.transport import NoReply
from services.messaging.bootstrap import SendingTransport

last_moment = partial(with_last_moment, dead_by=uptime() + 3_600)


class Listener:
    """Counts the bytes that arrive, and answers."""

    def __init__(self) -> None:
        self.received = b""
        self.connections = 0
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while part := await reader.read(65_536):
            self.received += part
            if self.received.endswith(b"}"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[Listener, SureTransport]]:
    listener = Listener()
    server = await asyncio.start_server(listener.handle, "127.0.0.1", 0)
    listener.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    connector = aiohttp.TCPConnector(force_close=True, socket_factory=departure_socket)
    transport = SureTransport(aiohttp.ClientSession(connector=connector, trace_configs=[tracing()]))
    try:
        yield listener, transport
    finally:
        await transport.close()
        server.close()


def answers_in_turn(*answers: bool) -> "Turns":
    return Turns(list(answers))


class Turns:
    def __init__(self, answers: list[bool]) -> None:
        self.answers = answers

    def __call__(self) -> bool:
        return self.answers.pop(0)


@pytest.mark.parametrize(
    "turns",
    [(False,), (True, False), (True, True, False)],
    ids=["before the headers", "before the body", "before the system call"],
)
def test_nothing_is_written_once_it_may_not_go(turns: tuple[bool, ...]) -> None:
    async def run() -> None:
        async with listening() as (listener, transport):
            with last_moment(answers_in_turn(*turns)) as moment, pytest.raises((NotSent, NoReply)):
                await transport.post(listener.url, json=b"{}")
            await asyncio.sleep(0.05)
            assert moment.held_back
            assert listener.received == b""

    asyncio.run(run())


def test_a_call_that_may_go_goes() -> None:
    async def run() -> None:
        async with listening() as (listener, transport):
            with last_moment(lambda: True) as moment:
                assert (await transport.post(listener.url, json=b"{}")).status == 200
            assert not moment.held_back
            assert listener.received.startswith(b"POST / ")

    asyncio.run(run())


def test_calls_outside_are_not_checked() -> None:
    async def run() -> None:
        async with listening() as (listener, transport):
            with last_moment(lambda: False):
                pass
            assert (await transport.post(listener.url, json=b"{}")).status == 200

    asyncio.run(run())


def test_calls_side_by_side_each_have_their_own_condition() -> None:
    async def run() -> None:
        async with listening() as (listener, transport):

            async def call(may_go: bool) -> bool:
                with last_moment(lambda: may_go) as moment:
                    with suppress(NotSent, NoReply):
                        await transport.post(listener.url, json=b"{}")
                    return moment.held_back

            assert list(await asyncio.gather(call(True), call(False), call(True))) == [False, True, False]

    asyncio.run(run())


def test_every_send_has_a_connection_of_its_own() -> None:
    """A kept one may have been closed by the other side, and then nobody would know whether the call arrived."""

    async def run() -> None:
        async with listening() as (listener, _):
            transport = SendingTransport(timeout=timedelta(seconds=5))
            for _ in range(3):
                await transport.post(listener.url, json=b"{}")
            await transport.close()
            assert listener.connections == 3

    asyncio.run(run())


def test_the_sending_transport_checks_the_last_moment() -> None:
    async def run() -> None:
        async with listening() as (listener, _):
            transport = SendingTransport(timeout=timedelta(seconds=5))
            with last_moment(lambda: False) as moment, pytest.raises((NotSent, NoReply)):
                await transport.post(listener.url, json=b"{}")
            await transport.close()
            assert moment.held_back
            assert listener.received == b""

    asyncio.run(run())
