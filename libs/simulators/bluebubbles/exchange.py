"""A call to one line's server."""

from typing import cast

import msgspec
from aiohttp import web

from libs.simulators.bluebubbles.envelope import unhandled
from libs.simulators.bluebubbles.line import Line
from libs.simulators.exchange import Exchange


class LineExchange(Exchange):
    """A call to a line.

    Args:
        line: whose server is called.
        request: the HTTP request.
        query: the query's text, without the question mark.
        argument: what stands in the path's variable part, decoded.
        body: the request's body, read already.
    """

    def __init__(self, line: Line, request: web.BaseRequest, *, query: str, argument: str, body: bytes) -> None:
        super().__init__(line.name, request, query=query, argument=argument, body=body)
        self.line = line
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
        if not self.raw_body or "json" not in self.request.headers.get("Content-Type", ""):
            return {}
        try:
            content = msgspec.json.decode(self.raw_body)
        except msgspec.DecodeError as error:
            raise unhandled(str(error)) from error
        if not isinstance(content, dict):
            # The server's body parser takes objects and lists only; a list has none of the fields that rules ask for.
            if isinstance(content, list):
                return {}
            raise unhandled("invalid JSON, only supports object and array")
        return cast("dict[str, object]", content)
