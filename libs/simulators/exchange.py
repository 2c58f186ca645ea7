"""One call as a provider simulator's routes see it: its target, its query and its body, parsed once."""

import urllib.parse
from collections.abc import Mapping

from aiohttp import web

from libs.simulators.faults import Fault


class Exchange:
    """A call. Its ``fault`` is what goes wrong with it, once that is decided.

    Args:
        target: which line or account is called, as counts and faults have it.
        request: the HTTP request.
        query: the query's text, without the question mark.
        argument: what stands in the path's variable part, decoded.
        body: the request's body, read already.
    """

    def __init__(self, target: str, request: web.BaseRequest, *, query: str, argument: str, body: bytes) -> None:
        self.target = target
        self.request = request
        self.argument = argument
        self.params = _first_values(query)
        self.raw_body = body
        self.fault: Fault | None = None


def _first_values(query: str) -> Mapping[str, str]:
    values: dict[str, str] = {}
    for name, value in urllib.parse.parse_qsl(query, keep_blank_values=True):
        values.setdefault(name, value)
    return values
