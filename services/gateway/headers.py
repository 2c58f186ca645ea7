"""Headers that every answer has, whoever made it."""

from collections.abc import Iterable, Mapping
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class AddHeaders:
    """A WSGI app around another one.

    Args:
        app: the other one.
        headers: are added to each of its answers, where it does not give them itself.
    """

    def __init__(self, app: WSGIApplication, headers: Mapping[str, str]) -> None:
        self._app = app
        self._headers = list(headers.items())
        self._names = {name.lower() for name in headers}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answers a request (PEP 3333)."""

        def start(status: str, headers: list[tuple[str, str]], error: Any = None, /) -> Any:
            given = self._names.intersection([name.lower() for name, _ in headers])
            ours = [each for each in self._headers if each[0].lower() not in given] if given else self._headers
            return start_response(status, headers + ours, error)

        return self._app(environ, start)
