"""Which call goes where: a table of routes, looked up without patterns because every call passes here."""

import urllib.parse
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from aiohttp import web

from libs.simulators.exchange import Exchange

E = TypeVar("E", bound=Exchange)


def nothing(exchange: Exchange) -> str:
    """The description of a call that is about nothing in particular."""
    del exchange
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route(Generic[E]):
    """One call of an API.

    Attributes:
        endpoint: its name in counts and faults.
        handle: what answers it.
        key: what it is about, for the log of calls.
        reference: the caller's own reference in it, for the log of calls.
        is_gated: whether it needs what the provider calls a special right (BlueBubbles: the Private API).
        keeps_time: whether it carries out faults of time by itself, for work is going on meanwhile.
    """

    endpoint: str
    handle: Callable[[E], Awaitable[web.Response]]
    key: Callable[[E], str] = nothing
    reference: Callable[[E], str] = nothing
    is_gated: bool = False
    keeps_time: bool = False


class Routes(Generic[E]):
    """The table. Paths are without a leading slash; one that ends in ``/:`` takes an argument there."""

    def __init__(self) -> None:
        self._exact: dict[tuple[str, str], Route[E]] = {}
        self._with_argument: dict[tuple[str, str], Route[E]] = {}
        self._methods: dict[str, list[str]] = {}

    def add(self, method: str, path: str, route: Route[E]) -> None:
        """Put a route into the table."""
        if path.endswith("/:"):
            self._with_argument[method, path[:-2]] = route
        else:
            self._exact[method, path] = route
            self._methods.setdefault(path, []).append(method)

    def find(self, method: str, path: str) -> tuple[Route[E] | None, str]:
        """The route of a call, and its argument ("" where it takes none)."""
        route = self._exact.get((method, path))
        if route is not None:
            return route, ""
        parent, _, argument = path.rpartition("/")
        return self._with_argument.get((method, parent)), urllib.parse.unquote(argument)

    def methods_of(self, path: str) -> list[str]:
        """The methods that a path is known under, for ``Allow``."""
        return self._methods.get(path, [])
