"""The requests session that the clients of Salesforce and Google Sheets are given."""

from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from libs.common.http import USER_AGENT
from services.sync.sources.calls import CALL_SECONDS


class CrmSession(requests.Session):
    """A session with time-outs, which the clients leave out, for one thread at a time.

    Args:
        usual_url: the address that the client was written for.
        base_url: the address that is called in its place; empty for the usual one.

    Attributes:
        last_headers: of the latest answer, because the clients' errors do not carry them.
    """

    def __init__(self, usual_url: str, base_url: str) -> None:
        super().__init__()
        self.headers["User-Agent"] = USER_AGENT
        self.last_headers: dict[str, str] = {}
        if base_url:
            self.mount(usual_url, _Elsewhere(base_url))

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Makes a request; it has a time-out where the caller gives none."""
        kwargs["timeout"] = kwargs.get("timeout") or CALL_SECONDS
        self.last_headers = {}
        answer = super().request(*args, **kwargs)
        self.last_headers = dict(answer.headers)
        return answer


class _Elsewhere(HTTPAdapter):
    """Sends what is addressed to a fixed address to another one, past any proxy.

    Neither client lets its address be chosen (simple-salesforce even insists on https), but both take a session, and
    requests sessions take adapters by address.
    """

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base_url = base_url.rstrip("/")

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Sends the request to the other address."""
        asked = urlsplit(request.url or "")
        request.url = f"{self._base_url}{asked.path}" + (f"?{asked.query}" if asked.query else "")
        return super().send(request, *args, **{**kwargs, "proxies": {}})
