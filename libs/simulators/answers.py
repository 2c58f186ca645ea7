"""Answers that a simulator gives, right ones and broken ones: JSON, a proxy's HTML pages, resets, half an answer."""

import asyncio
from http import HTTPStatus

import msgspec
from aiohttp import web

from libs.simulators.faults import Fault, NetworkFault
from libs.simulators.server import reset_connection

JSON_HEADERS = {"Content-Type": "application/json; charset=utf-8"}

_PROXY_STATUS: dict[str, int] = {
    NetworkFault.HTTP_429: 429,
    NetworkFault.HTTP_502: 502,
    NetworkFault.HTTP_503: 503,
    NetworkFault.HTTP_504: 504,
    NetworkFault.HTTP_520: 520,
    NetworkFault.HTTP_524: 524,
    NetworkFault.HTTP_530: 530,
}

_PROXY_REASON = {
    520: "Web server is returning an unknown error",
    524: "A timeout occurred",
    530: "Origin is unreachable",
}


class CutResponse(web.Response):
    """Stands for "no answer": what a handler returns after it cut the connection."""


class HalfResponse(web.StreamResponse):
    """An answer that broke off in the middle."""


def status_of(response: web.StreamResponse) -> int:
    """The status that the caller got; 0 where it got no whole answer."""
    return 0 if isinstance(response, (CutResponse, HalfResponse)) else response.status


def json_answer(body: bytes, status: int = 200) -> web.Response:
    """An answer from JSON that is encoded already."""
    return web.Response(body=body, status=status, headers=JSON_HEADERS)


def encoded_answer(content: object, status: int = 200) -> web.Response:
    """An answer whose body is ``content`` as JSON."""
    return json_answer(msgspec.json.encode(content), status)


def proxy_page(status: int, *, retry_after_s: float = 0.0) -> web.Response:
    """The page of HTML that a proxy in front of the service answers in its place.

    Args:
        status: the HTTP status.
        retry_after_s: what ``Retry-After`` says, rounded up to whole seconds; 0 leaves the header out.
    """
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = _PROXY_REASON.get(status, "Error")
    page = (
        f"<!DOCTYPE html>\n<html>\n<head><title>{status} {reason}</title></head>\n"
        f"<body>\n<center><h1>{status} {reason}</h1></center>\n<hr><center>proxy</center>\n</body>\n</html>\n"
    )
    response = web.Response(text=page, status=status, reason=reason, content_type="text/html")
    if retry_after_s > 0:
        response.headers["Retry-After"] = str(-int(-retry_after_s // 1))
    return response


def cut(request: web.BaseRequest) -> CutResponse:
    """Reset the caller's connection; the handler returns what this returns."""
    reset_connection(request.transport)
    return CutResponse()


async def instead_of_work(request: web.BaseRequest, fault: Fault) -> web.StreamResponse | None:
    """Carry out a network fault that comes before the service's work, or in its place.

    Returns:
        The answer in place of the service's, or ``None`` if the service is to do its work now.
    """
    if fault.fault == NetworkFault.SLOW:
        await asyncio.sleep(fault.seconds)
        return None
    if fault.fault == NetworkFault.RESET:
        return cut(request)
    if fault.fault == NetworkFault.HANG:
        await asyncio.Event().wait()  # until the server is closed
    status = _PROXY_STATUS.get(fault.fault)
    return None if status is None else proxy_page(status, retry_after_s=fault.seconds)


async def after_work(request: web.BaseRequest, fault: Fault, response: web.StreamResponse) -> web.StreamResponse:
    """Carry out a network fault that comes after the service's work: give, spoil or drop its answer."""
    if fault.fault == NetworkFault.SLOW_ANSWER:
        await asyncio.sleep(fault.seconds)
    elif fault.fault == NetworkFault.ANSWER_LOST:
        return cut(request)
    elif fault.fault == NetworkFault.TRUNCATED and isinstance(response, web.Response):
        return await _half(request, response)
    return response


async def _half(request: web.BaseRequest, response: web.Response) -> web.StreamResponse:
    """Announce the whole body, send half of it, and close."""
    body = response.body if isinstance(response.body, bytes) else b""
    half = HalfResponse(status=response.status, headers=dict(response.headers))
    half.content_length = len(body)
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return half
