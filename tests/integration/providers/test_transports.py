"""What both transports promise, over real sockets."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta

import pytest
from aiohttp import web

from libs.common.http import async_client
from libs.common.providers.fast_transport import FastTransport
from libs.common.providers.sure_transport import SureTransport
from libs.common.providers.transport import Loss, NoReply, Reply, Transport
from libs.simulators.server import Endpoint, Simulator, reset_connection, running

SECRET = "s3cr3t"
TIMEOUT = timedelta(milliseconds=400)


async def _fast() -> Transport:
    return FastTransport(timeout=TIMEOUT)


async def _sure() -> Transport:
    return SureTransport(async_client(timeout=TIMEOUT))


both = pytest.mark.parametrize("make", [_fast, _sure], ids=["fast", "sure"])
MakeTransport = Callable[[], Awaitable[Transport]]


class Oddities(Simulator):
    """Answers by path."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, str, str, str | None]] = []
        self._endpoint = Endpoint(self._answer)

    @property
    def url(self) -> str:
        return self._endpoint.url

    async def start(self) -> None:
        await self._endpoint.open()

    async def stop(self) -> None:
        await self._endpoint.close()

    def describe(self) -> dict[str, object]:
        return {}

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.seen.append(
            (request.method, request.raw_path, (await request.read()).decode(), request.headers.get("Content-Type"))
        )
        match request.path:
            case "/redirect":
                return web.Response(status=302, headers={"Location": f"{self.url}/elsewhere?password={SECRET}"})
            case "/wait":
                return web.Response(status=429, headers={"Retry-After": "7"})
            case "/zipped":
                return web.Response(body=gzip.compress(b"plain"), headers={"Content-Encoding": "gzip"})
            case "/reset":
                reset_connection(request.transport)
                return web.Response()
            case "/hang":
                await asyncio.sleep(30)
        return web.Response(body=b"fine", headers={"X-Key": request.headers.get("X-Key", "")})


@pytest.fixture(scope="module")
def server() -> Iterator[Oddities]:
    with running(Oddities()) as server:
        yield server


def get(make: MakeTransport, url: str) -> Reply:
    async def call() -> Reply:
        transport = await make()
        try:
            return await transport.get(url, headers={"X-Key": "k"})
        finally:
            await transport.close()

    return asyncio.run(call())


@both
def test_a_redirect_is_not_followed_because_a_secret_would_go_with_it(make: MakeTransport, server: Oddities) -> None:
    assert get(make, f"{server.url}/redirect?password={SECRET}").status == 302
    assert not any(path.startswith("/elsewhere") for _, path, _, _ in server.seen)


@both
def test_a_query_arrives_as_it_was_encoded(make: MakeTransport, server: Oddities) -> None:
    get(make, f"{server.url}/x?password=p%26w%20%2B&address=%2B1212")
    assert server.seen[-1][1] == "/x?password=p%26w%20%2B&address=%2B1212"


@both
def test_the_wish_to_be_left_alone_is_passed_on(make: MakeTransport, server: Oddities) -> None:
    assert get(make, f"{server.url}/wait") == Reply(429, b"", "7")


@both
def test_a_compressed_body_is_opened(make: MakeTransport, server: Oddities) -> None:
    assert get(make, f"{server.url}/zipped").body == b"plain"


@both
def test_a_post_carries_its_body(make: MakeTransport, server: Oddities) -> None:
    async def call() -> Reply:
        transport = await make()
        try:
            return await transport.post(f"{server.url}/post", json=b'{"a":1}')
        finally:
            await transport.close()

    assert asyncio.run(call()).body == b"fine"
    assert server.seen[-1] == ("POST", "/post", '{"a":1}', "application/json")


@both
@pytest.mark.parametrize(
    ("path", "loss"), [("/reset", Loss.BROKEN), ("/hang", Loss.TIMEOUT), (":1/", Loss.REFUSED), ("", Loss.REFUSED)]
)
def test_a_lost_call_says_how_and_keeps_the_secret(
    make: MakeTransport, server: Oddities, path: str, loss: Loss
) -> None:
    url = f"http://127.0.0.1{path}" if path.startswith(":") else f"{server.url}{path}" if path else "nowhere"
    with pytest.raises(NoReply) as lost:
        get(make, f"{url}?password={SECRET}")
    assert lost.value.loss is loss
    assert lost.value.__cause__ is None
    assert lost.value.__suppress_context__
