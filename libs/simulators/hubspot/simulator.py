"""HubSpot's CRM API v3 for contacts, over HTTP.

    with running_hubspot(rows=1000, seed=1) as simulator:
        client = HubSpot(access_token=simulator.token, host=simulator.url)

`hubspot-api-client` 12 takes its base address from the `host` that its constructor hands to each `Configuration`; its
`api_request` takes another one, `base_url`. Left as it is, the client meets a 429 or 503 that has a `Retry-After` on a
GET by sleeping and asking again up to three times on its own (urllib3's default), inside the call; a caller that obeys
`Retry-After` itself passes `retry=urllib3.Retry(0)`.

| call | what |
| --- | --- |
| `GET /crm/v3/objects/contacts` | list by id: `limit` up to 100, `after`, `properties`, `archived` |
| `GET /crm/v3/objects/contacts/{id}` | one contact |
| `POST /crm/v3/objects/contacts/search` | see `libs.simulators.hubspot.search` |
| `GET /crm/v3/properties/contacts` | the fields |
| `GET /account-info/v3/details` | the account that a token is for |
| `POST /oauth/v1/token` | `grant_type=refresh_token` |
| `GET /oauth/v1/access-tokens/{token}` | what an access token is worth |

Shapes are those of HubSpot's OpenAPI documents, read through the models of the official client and, for the account, in
the reference page. That the list ascends by id, and that `after` is where the next page begins, is inferred from
captures. Limits: 4 searches a second per token in HubSpot's changelog, 5 in its guide later on, and 100 calls in 10
seconds and 250,000 a day for private apps of the lower plans; none is in force unless `limits` says so. The rate-limit
headers are left out of search answers, as documented.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from itertools import islice
from typing import Final
from uuid import uuid4

import msgspec

from libs.simulators.crm import instants
from libs.simulators.crm.people import People, Shape
from libs.simulators.crm.service import Answer, Asked, CrmSimulator, ProviderFault
from libs.simulators.crm.table import Layer, Stamps, Table
from libs.simulators.crm.tokens import Tokens
from libs.simulators.faults import Fault
from libs.simulators.hubspot import errors, search
from libs.simulators.hubspot.contacts import FIRST_ID, PROPERTIES, contact, readers
from libs.simulators.hubspot.errors import HubSpotError
from libs.simulators.limits import SlidingWindow
from libs.simulators.server import running

CONTACTS: Final = "/crm/v3/objects/contacts"
PORTAL: Final = 48_600_123
_MAX_PAGE: Final = 100
_DEFAULT_PAGE: Final = 10
_DAY_S: Final = 86_400.0


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How many calls are let through; None for no limit. `says_when` puts `Retry-After` into the 429."""

    searches_per_second: int | None = None
    per_ten_seconds: int | None = None
    per_day: int | None = None
    says_when: bool = True


REAL_LIMITS: Final = Limits(searches_per_second=5, per_ten_seconds=100, per_day=250_000)
"""The limits of a private app on a lower plan."""


class HubSpotSimulator(CrmSimulator):
    """HubSpot with generated contacts.

    Args:
        rows: how many contacts.
        seed: of the contacts.
        shape: how untidy they are.
        stamps: their change stamps, among them how many share one.
        index_lag: seconds until a change appears in search.
        token_lifetime: seconds that an OAuth access token lives (1,800 at HubSpot).
        limits: how many calls are let through.
        host: the interface to listen on.
        port: the TCP port, 0 for a free one.

    """

    client_id = "00000000-aaaa-4bbb-8ccc-111111111111"
    client_secret = "22222222-dddd-4eee-8fff-333333333333"  # noqa: S105 - opens nothing but this simulator

    def __init__(
        self,
        rows: int = 1000,
        seed: int = 1,
        *,
        shape: Shape | None = None,
        stamps: Stamps | None = None,
        index_lag: float = 0.0,
        token_lifetime: float = 1800.0,
        limits: Limits | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.contacts = Table(People(seed, shape), rows, stamps=stamps, lag=index_lag)
        super().__init__(
            "hubspot", {"contacts": self.contacts}, Tokens("pat-na1-", token_lifetime), host=host, port=port
        )
        self.limits = limits or Limits()
        self._windows = [
            (policy, SlidingWindow(calls, seconds), search_only)
            for policy, calls, seconds, search_only in (
                ("DAILY", self.limits.per_day, _DAY_S, False),
                ("TEN_SECONDLY_ROLLING", self.limits.per_ten_seconds, 10.0, False),
                ("SECONDLY", self.limits.searches_per_second, 1.0, True),
            )
            if calls is not None
        ]

    @property
    def refresh_token(self) -> str:
        """The refresh token that is good now."""
        return self.tokens.refresh_token

    def describe(self) -> Mapping[str, object]:
        """Return where it listens and what lets a client in."""
        return {
            "url": self.url,
            "token": self.token,
            "clientId": self.client_id,
            "clientSecret": self.client_secret,
            "refreshToken": self.refresh_token,
            "rows": len(self.contacts),
        }

    def contact_id(self, index: int) -> str:
        """Return the id of the contact at a position."""
        return str(index + FIRST_ID)

    def named(self, asked: Asked) -> tuple[str, str]:
        """Name the endpoint, and the page by its cursor (list) or its whole body (search)."""
        path = asked.path
        if path == CONTACTS:
            cursor = f"after={asked.parameter('after') or ''}&limit={asked.parameter('limit') or ''}"
            return "contacts.list", f"archived={str(_wants_archived(asked)).lower()}&{cursor}"
        if path == f"{CONTACTS}/search":
            return "contacts.search", asked.body.decode("utf-8", "replace")
        for start, name in (
            (f"{CONTACTS}/", "contacts.get"),
            ("/crm/v3/properties/contacts", "properties"),
            ("/account-info/", "account"),
            ("/oauth/v1/token", "token"),
            ("/oauth/v1/access-tokens/", "token.info"),
        ):
            if path.startswith(start):
                return name, ""
        return "unknown", ""

    def answer(self, asked: Asked) -> Answer:
        """Return HubSpot's answer."""
        try:
            return self._route(asked)
        except HubSpotError as error:
            return _refusal(error)

    def worded(self, fault: Fault) -> Answer:
        """Return a fault in HubSpot's words."""
        wait = fault.seconds or None
        match fault.fault:
            case ProviderFault.RATE_LIMITED:
                search_only = fault.endpoint == "contacts.search"
                error = errors.rate_limited("SECONDLY" if search_only else "TEN_SECONDLY_ROLLING", wait)
            case ProviderFault.DAILY_LIMIT:
                error = errors.rate_limited("DAILY", wait)
            case ProviderFault.UNAUTHORIZED:
                error = errors.unknown_token()
            case ProviderFault.EXPIRED_TOKEN:
                error = errors.expired_token(75, "2024-01-01T00:00:00.040Z")
            case ProviderFault.FORBIDDEN:
                error = errors.missing_scopes()
            case ProviderFault.NOT_FOUND:
                error = errors.not_found()
            case ProviderFault.UNAVAILABLE:
                error = errors.internal(503, wait)
            case _:
                error = errors.internal()
        return _refusal(error)

    def _route(self, asked: Asked) -> Answer:
        match asked.method, asked.path:
            case "POST", "/oauth/v1/token":
                return self._refreshed(asked.form())
            case "GET", path if path.startswith("/oauth/v1/access-tokens/"):
                return self._token_info(path.rpartition("/")[2])
            case _:
                pass
        self._admit(asked)
        match asked.method, asked.path:
            case "GET", "/crm/v3/objects/contacts":
                return self._listed(asked)
            case "POST", "/crm/v3/objects/contacts/search":
                return self._searched(asked.body)
            case "GET", path if path.startswith(f"{CONTACTS}/"):
                return self._one(path.removeprefix(f"{CONTACTS}/"), asked)
            case "GET", "/crm/v3/properties/contacts":
                return _json({"results": [each.described() for each in PROPERTIES.values()]})
            case "GET", "/account-info/v3/details":
                return _json(_ACCOUNT)
            case _:
                raise errors.not_found()

    def _admit(self, asked: Asked) -> None:
        """Let a call through, or raise the 401 or 429 that stops it."""
        verdict = self.tokens.judge(asked.bearer)
        if not verdict.known:
            raise errors.unknown_token()
        if verdict.expired_at is not None:
            expired_ms = round(verdict.expired_at * 1000)
            raise errors.expired_token(max((self._stamp(None) - expired_ms) // 1000, 0), instants.java(expired_ms))
        is_search = asked.path == f"{CONTACTS}/search"
        for policy, window, search_only in self._windows:
            if search_only and not is_search:
                continue
            wait = window.wait_s()
            if wait:
                raise errors.rate_limited(policy, wait if self.limits.says_when else None)

    def _listed(self, asked: Asked) -> Answer:
        limit = _number(asked.parameter("limit"), "limit", _DEFAULT_PAGE)
        if not 0 < limit <= _MAX_PAGE:
            raise errors.invalid(f"limit must be between 1 and {_MAX_PAGE}", limit=str(limit))
        start = max(_number(asked.parameter("after"), "after", FIRST_ID) - FIRST_ID, 0)
        layer = self.contacts.layer
        indexes = (_archived if _wants_archived(asked) else _live)(layer, start, limit + 1)
        read = readers(_names(asked.parameters("properties")))
        shown = [contact(self.contacts.row(index, layer), read) for index in indexes[:limit]]
        body: dict[str, object] = {"results": shown}
        if len(indexes) > limit:
            after = self.contact_id(indexes[limit])
            link = f"{self.url}{CONTACTS}?limit={limit}&after={after}"
            body["paging"] = {"next": {"after": after, "link": link}}
        return _json(body, rows=len(shown), headers=self._rate_headers())

    def _searched(self, body: bytes) -> Answer:
        request = search.parse(body)
        layer = self.contacts.delayed
        found = search.run(self.contacts, layer, request)
        read = readers(request.properties)
        answer: dict[str, object] = {
            "total": found.total,
            "results": [contact(self.contacts.row(index, layer), read) for index in found.indexes],
        }
        if found.next_after is not None:
            answer["paging"] = {"next": {"after": str(found.next_after)}}
        return _json(answer, rows=len(found.indexes))

    def _one(self, contact_id: str, asked: Asked) -> Answer:
        layer = self.contacts.layer
        index = int(contact_id) - FIRST_ID if contact_id.isdigit() else -1
        if not 0 <= index < layer.size or layer.is_deleted(index) is not _wants_archived(asked):
            raise errors.not_found()
        shown = contact(self.contacts.row(index, layer), readers(_names(asked.parameters("properties"))))
        return _json(shown, rows=1, headers=self._rate_headers())

    def _refreshed(self, form: Mapping[str, str]) -> Answer:
        if form.get("client_id") != self.client_id:
            raise errors.bad_client("BAD_CLIENT_ID")
        if form.get("client_secret") != self.client_secret:
            raise errors.bad_client("BAD_CLIENT_SECRET")
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") != self.refresh_token:
            raise errors.bad_refresh_token()
        return _json(
            {
                "token_type": "bearer",
                "refresh_token": self.refresh_token,
                "access_token": self.tokens.issue(),
                "expires_in": round(self.tokens.lifetime),
            }
        )

    def _token_info(self, token: str) -> Answer:
        verdict = self.tokens.judge(token)
        if not verdict.good:
            raise errors.not_found("access token is invalid or expired")
        return _json(
            {
                "token": token,
                "user": "owner@example.com",
                "hub_domain": "simulated.example.com",
                "scopes": ["oauth", "crm.objects.contacts.read", "crm.schemas.contacts.read"],
                "hub_id": PORTAL,
                "app_id": 123_456,
                "expires_in": round(self.tokens.lifetime),
                "user_id": 789,
                "token_type": "access",
            }
        )

    def _rate_headers(self) -> Mapping[str, str]:
        if self.limits.per_ten_seconds is None:
            return {}
        return {
            "X-HubSpot-RateLimit-Max": str(self.limits.per_ten_seconds),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        }


_ACCOUNT: Final = {
    "portalId": PORTAL,
    "accountType": "STANDARD",
    "timeZone": "US/Eastern",
    "companyCurrency": "USD",
    "additionalCurrencies": [],
    "utcOffset": "-05:00",
    "utcOffsetMilliseconds": -18_000_000,
    "uiDomain": "app.hubspot.com",
    "dataHostingLocation": "na1",
}


def running_hubspot(
    rows: int = 1000,
    seed: int = 1,
    *,
    shape: Shape | None = None,
    stamps: Stamps | None = None,
    index_lag: float = 0.0,
    token_lifetime: float = 1800.0,
    limits: Limits | None = None,
    port: int = 0,
) -> AbstractContextManager[HubSpotSimulator]:
    """Run HubSpot in a thread for the length of a `with` block. The arguments are those of `HubSpotSimulator`."""
    return running(
        HubSpotSimulator(
            rows,
            seed,
            shape=shape,
            stamps=stamps,
            index_lag=index_lag,
            token_lifetime=token_lifetime,
            limits=limits,
            port=port,
        )
    )


def _json(content: object, *, rows: int = 0, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(
        body=msgspec.json.encode(content),
        content_type=errors.JSON,
        headers={"x-hubspot-correlation-id": str(uuid4()), **(headers or {})},
        rows=rows,
    )


def _refusal(error: HubSpotError) -> Answer:
    headers = {"x-hubspot-correlation-id": error.body["correlationId"], **error.headers}
    return Answer(status=error.status, body=error.encoded(), content_type=errors.JSON, headers=headers)


def _number(text: str | None, name: str, otherwise: int) -> int:
    if not text:
        return otherwise
    if not text.isdigit():
        raise errors.invalid(f"{name} must be a number", **{name: text})
    return int(text)


def _wants_archived(asked: Asked) -> bool:
    """Read the `archived` parameter, which the official client writes as Python does: `True`."""
    return (asked.parameter("archived") or "").lower() == "true"


def _names(parameters: Sequence[str]) -> tuple[str, ...]:
    """Return property names from a parameter that may be repeated, hold commas, or both."""
    return tuple(name for text in parameters for name in text.split(",") if name)


def _live(layer: Layer, start: int, limit: int) -> list[int]:
    return list(islice((index for index in range(start, layer.size) if not layer.is_deleted(index)), limit))


def _archived(layer: Layer, start: int, limit: int) -> list[int]:
    gone = _deleted(layer)
    at = bisect_left(gone, start)
    return gone[at : at + limit]


@lru_cache(maxsize=4)
def _deleted(layer: Layer) -> list[int]:
    return layer.deleted()
