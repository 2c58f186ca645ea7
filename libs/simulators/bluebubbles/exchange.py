"""One call as the routes see it: its line, its query and its body, parsed once."""

import urllib.parse
from collections.abc import Mapping
from typing import cast

import msgspec
from aiohttp import web

from libs.simulators.bluebubbles.envelope import unhandled
from libs.simulators.bluebubbles.line import Line
from libs.simulators.faults import Fault


class Exchange:
    """A call to a line. Its ``fault`` is what goes wrong with it, once that is decided.

    Args:
        line: whose server is called.
        request: the HTTP request.
        query: the query's text, without the question mark.
        argument: what stands in the path's variable part, decoded.
        body: the request's body, read already.
    """

    def __init__(self, line: Line, request: web.BaseRequest, *, query: str, argument: str, body: bytes) -> None:
        self.line = line
        self.request = request
        self.argument = argument
        self.fault: Fault | None = None
        self.params = _first_values(query)
        self._raw_body = body
        self._body: dict[str, object] | None = None

    @property
    def password(self) -> str:
        """The password as the server looks for it: under three names, the first that is there, even if it is empty."""
        params = self.params
        return params.get("guid", params.get("password", params.get("token", ""))).strip()

    @property
    def body(self) -> dict[str, object]:
        """The JSON body; empty where there is none or it is no JSON by its content type.

        Raises:
            Refusal: 500, as the server answers to a body that cannot be parsed.
        """
        if self._body is None:
            self._body = self._parse_body()
        return self._body

    def _parse_body(self) -> dict[str, object]:
        if not self._raw_body or "json" not in self.request.headers.get("Content-Type", ""):
            return {}
        try:
            content = msgspec.json.decode(self._raw_body)
        except msgspec.DecodeError as error:
            raise unhandled(str(error)) from error
        if not isinstance(content, dict):
            # The server's body parser takes objects and lists only; a list has none of the fields that rules ask for.
            if isinstance(content, list):
                return {}
            raise unhandled("invalid JSON, only supports object and array")
        return cast("dict[str, object]", content)


def _first_values(query: str) -> Mapping[str, str]:
    values: dict[str, str] = {}
    for name, value in urllib.parse.parse_qsl(query, keep_blank_values=True):
        values.setdefault(name, value)
    return values
