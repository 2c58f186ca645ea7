"""Which call goes where: a table of routes, looked up without patterns because every call passes here."""

import urllib.parse
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from libs.simulators.bluebubbles.exchange import Exchange

Handle = Callable[[Exchange], Awaitable[web.Response]]
Describe = Callable[[Exchange], str]


def nothing(exchange: Exchange) -> str:
    """The description of a call that is about nothing in particular."""
    del exchange
    return ""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One call of the API.

    Attributes:
        endpoint: its name in counts and faults.
        handle: what answers it.
        key: what it is about, for the log of calls.
        reference: the caller's own reference in it, for the log of calls.
        needs_private_api: whether it is refused where the Private API cannot be used.
    """

    endpoint: str
    handle: Handle
    key: Describe = nothing
    reference: Describe = nothing
    needs_private_api: bool = False


class Routes:
    """The table. Paths are relative to ``/api/v1/``; a path that ends in ``/:`` takes an argument there."""

    def __init__(self) -> None:
        self._exact: dict[tuple[str, str], Route] = {}
        self._with_argument: dict[tuple[str, str], Route] = {}
        self._methods: dict[str, list[str]] = {}

    def add(self, method: str, path: str, route: Route) -> None:
        """Put a route into the table."""
        if path.endswith("/:"):
            path = path[:-2]
            self._with_argument[method, path] = route
        else:
            self._exact[method, path] = route
            self._methods.setdefault(path, []).append(method)

    def find(self, method: str, path: str) -> tuple[Route | None, str]:
        """The route of a call and its argument ("" where it takes none)."""
        route = self._exact.get((method, path))
        if route is not None:
            return route, ""
        parent, _, argument = path.rpartition("/")
        return self._with_argument.get((method, parent)), urllib.parse.unquote(argument)

    def methods_of(self, path: str) -> list[str]:
        """The methods that a path is known under, for ``Allow``."""
        return self._methods.get(path, [])
