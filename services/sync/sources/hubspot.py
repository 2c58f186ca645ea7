"""HubSpot contacts, through ``hubspot-api-client``.

A full run walks the list by id. An incremental run searches by change stamp, ordered by id, and each search begins
behind the last id of the one before: so no search is paged, the edge at 10,000 results is never met, thousands of
contacts with one and the same stamp (a bulk edit) are no special case, and a contact that changes while the run reads
cannot push another one over a page's border. Paging by stamp, with ties by id, has all three problems.

Facts: OpenAPI document of HubSpot's CRM v3 API (paths, fields, at most 100 per list page and 200 per search page); the
search guide (developers.hubspot.com/docs/api-reference/search/guide: one sort rule, values of dates as milliseconds,
4 to 5 searches a second, changes appear after some seconds). The client's own models are left aside for the rows: they
cost more than everything else that a row goes through.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import urllib3
from hubspot import Client
from hubspot.crm.contacts import exceptions as contact_errors
from hubspot.crm.properties import exceptions as property_errors
from hubspot.oauth import exceptions as oauth_errors

from libs.common.clock import Clock, to_ms
from libs.common.integrations.model import Integration
from services.sync.rules.field_map import FieldMap, read_field_map
from services.sync.rules.rows import SourceRow
from services.sync.sources.answers import refusal
from services.sync.sources.calls import CALL_SECONDS, Calls, translated
from services.sync.sources.contract import (
    Account,
    AuthRejected,
    Page,
    Position,
    SourceError,
    SourceField,
    SourceUnavailable,
    WrongRequest,
)
from services.sync.sources.pauses import Pauses
from services.sync.sources.tokens import ACCESS_TOKEN, expiring

BASE_URL: Final = "https://api.hubapi.com"

CALLS_PER_SECOND: Final = 10.0
"""100 calls in 10 seconds are what OAuth apps and the lower plans have."""

SEARCHES_PER_SECOND: Final = 4.0

_LIST_ROWS: Final = 100
_SEARCH_ROWS: Final = 200

_USUAL_WAITS: Final[Mapping[str, timedelta]] = {
    "SECONDLY": timedelta(seconds=1),
    "TEN_SECONDLY_ROLLING": timedelta(seconds=10),
    "DAILY": timedelta(hours=1),
}
"""How long to wait at each limit where HubSpot does not say."""

_API_ERRORS: Final = (contact_errors.ApiException, property_errors.ApiException, oauth_errors.ApiException)


class _ListAt(msgspec.Struct, frozen=True, tag="list"):
    after: str = ""


class _SearchAt(msgspec.Struct, frozen=True, tag="search", rename="camel"):
    since: int
    """Milliseconds since 1970."""
    after_id: int = 0


class _Contact(msgspec.Struct, frozen=True):
    id: str
    properties: dict[str, str | None]
    archived: bool = False


class _Next(msgspec.Struct, frozen=True):
    after: str


class _Paging(msgspec.Struct, frozen=True):
    next: _Next | None = None


class _Contacts(msgspec.Struct, frozen=True):
    results: list[_Contact]
    total: int | None = None
    paging: _Paging | None = None


_CONTACTS: Final = msgspec.json.Decoder(_Contacts)


class HubSpotSource:
    """The contacts of one portal.

    Args:
        integration: whose field map and settings hold.
        calls: makes calls.
        pauses: ends waits.
        clock: tells the time.
    """

    has_unique_ids = True
    has_change_stamps = True
    overlap = timedelta(minutes=5)

    def __init__(self, integration: Integration, *, calls: Calls, pauses: Pauses, clock: Clock) -> None:
        settings = integration.settings
        self._map = read_field_map(integration.field_map, integration.provider)
        self._calls = calls
        self._pauses = pauses
        self._meaning = _meaning(clock)
        per_second = settings.calls_per_second
        self._per_second = CALLS_PER_SECOND if per_second is None else per_second
        self._searches_per_second = SEARCHES_PER_SECOND if per_second is None else per_second
        client = hubspot_client(settings.base_url)
        self._contacts = client.crm.contacts.basic_api
        self._search = client.crm.contacts.search_api
        self._properties = client.crm.properties.core_api

    def account(self) -> Account:
        """The portal's contact properties."""
        found = self._make(self._properties, lambda api: api.get_all("contacts", _request_timeout=CALL_SECONDS))
        fields = [SourceField(name=each.name, label=each.label, kind=each.type) for each in found.results]
        return Account(name="HubSpot", fields=fields)

    def field_map(self) -> FieldMap:
        """The integration's field map over the defaults for contacts."""
        return self._map

    def begin(self, since: datetime | None) -> Position:
        """The start of the list, or of a search."""
        return _position(_ListAt() if since is None else _SearchAt(since=to_ms(since)))

    def total(self, position: Position) -> int | None:
        """How many contacts a search for the same finds."""
        at = _read_position(position)
        return self._searched(at.since if isinstance(at, _SearchAt) else 0, after_id=0, limit=1).total

    def read(self, position: Position) -> Page:
        """The page at a position."""
        at = _read_position(position)
        if isinstance(at, _ListAt):
            found = self._listed(at.after)
            following = found.paging.next if found.paging else None
            return Page(rows=_rows(found), next=_position(_ListAt(following.after)) if following else None)
        found = self._searched(at.since, after_id=at.after_id, limit=_SEARCH_ROWS)
        if len(found.results) < _SEARCH_ROWS:
            return Page(rows=_rows(found), next=None)
        last = max(int(each.id) for each in found.results)
        return Page(rows=_rows(found), next=_position(_SearchAt(since=at.since, after_id=last)))

    def rows_before(self, position: Position) -> Iterable[Sequence[SourceRow]]:  # noqa: ARG002 - ids are unique here
        """None: ids are unique."""
        return ()

    def stop(self) -> None:
        """Ends waits."""
        self._pauses.stop()

    def close(self) -> None:
        """Closes the clients' pools."""
        for api in (self._contacts, self._search, self._properties):
            api.api_client.close()

    def _listed(self, after: str) -> _Contacts:
        def call(api: Any) -> Any:
            answer = api.get_page(
                limit=_LIST_ROWS,
                properties=list(self._map.source_fields),
                _preload_content=False,
                _request_timeout=CALL_SECONDS,
                **({"after": after} if after else {}),
            )
            return _CONTACTS.decode(answer.data)

        found: _Contacts = self._make(self._contacts, call)
        return found

    def _searched(self, since: int, *, after_id: int, limit: int) -> _Contacts:
        filters = [
            {"propertyName": "lastmodifieddate", "operator": "GTE", "value": str(since)},
            {"propertyName": "hs_object_id", "operator": "GT", "value": str(after_id)},
        ]
        request = {
            "filterGroups": [{"filters": filters}],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "properties": list(self._map.source_fields),
            "limit": limit,
            "after": "0",
        }

        def call(api: Any) -> Any:
            answer = api.do_search(request, _preload_content=False, _request_timeout=CALL_SECONDS)
            return _CONTACTS.decode(answer.data)

        found: _Contacts = self._make(self._search, call, kind="search", per_second=self._searches_per_second)
        return found

    def _make(
        self, api: Any, call: Callable[[Any], Any], *, kind: str = "call", per_second: float | None = None
    ) -> Any:
        def with_token(access: Mapping[str, str]) -> Any:
            api.api_client.configuration.access_token = access[ACCESS_TOKEN]
            with translated(self._meaning):
                return call(api)

        return self._calls.make(
            with_token, kind=kind, per_second=self._per_second if per_second is None else per_second
        )


class HubSpotTokens:
    """Renews OAuth access tokens.

    Args:
        base_url: the API's address; HubSpot's own where it is empty.
        clock: tells the time.
    """

    def __init__(self, base_url: str, *, clock: Clock) -> None:
        self._api = hubspot_client(base_url).oauth.tokens_api
        self._clock = clock
        self._meaning = _meaning(clock)

    def issue(self, credentials: Mapping[str, str]) -> Mapping[str, str]:
        """A new access token by the refresh token, and the refresh token that came with it."""
        try:
            with translated(self._meaning):
                token = self._api.create(
                    grant_type="refresh_token",
                    client_id=credentials["clientId"],
                    client_secret=credentials["clientSecret"],
                    refresh_token=credentials["refreshToken"],
                    _request_timeout=CALL_SECONDS,
                )
        except WrongRequest as refused:
            raise AuthRejected(f"HubSpot refused the refresh token: {refused}") from refused
        renewed = expiring(token.access_token, lives_s=float(token.expires_in), now=self._clock.now())
        return {**renewed, "refreshToken": token.refresh_token or credentials["refreshToken"]}


def hubspot_issuer(base_url: str, *, clock: Clock) -> Callable[[Mapping[str, str]], HubSpotTokens | None]:
    """Who renews the tokens of given credentials: nobody, where they are a private app's token."""
    issuer = HubSpotTokens(base_url, clock=clock)
    return lambda credentials: issuer if credentials.get("refreshToken") else None


def hubspot_client(base_url: str) -> Any:
    """HubSpot's client for an address, without its own retries."""
    return Client.create(host=base_url.rstrip("/") or BASE_URL, retry=urllib3.Retry(0, redirect=0))


def _meaning(clock: Clock) -> Callable[[Exception], SourceError | None]:
    """What the exceptions of HubSpot's client mean."""

    def meaning(error: Exception) -> SourceError | None:
        if isinstance(error, _API_ERRORS):
            return _answered(error, now=clock.now())
        if isinstance(error, urllib3.exceptions.HTTPError):
            return SourceUnavailable(f"HubSpot did not answer: {type(error).__name__}")
        if isinstance(error, msgspec.DecodeError | UnicodeDecodeError):
            return SourceUnavailable("HubSpot's answer cannot be read")
        return None

    return meaning


def _answered(error: Any, *, now: datetime) -> SourceError:
    if not error.status:
        return SourceUnavailable(f"HubSpot did not answer: {error.reason}")
    said = _said(error.body)
    policy = said.get("policyName") or ""
    return refusal(
        error.status,
        f"{said.get('category') or error.reason}: {said.get('message') or ''}",
        headers=error.headers,
        now=now,
        usual_wait=_USUAL_WAITS.get(policy, timedelta(seconds=10)),
        limit=f"HubSpot {policy}".strip(),
    )


def _said(body: str | bytes | None) -> dict[str, Any]:
    """The body of an error; empty where it is a proxy's page."""
    try:
        said = msgspec.json.decode(body or b"{}")
    except msgspec.DecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def _rows(found: _Contacts) -> list[SourceRow]:
    return [
        SourceRow(place=each.id, external_id=each.id, values=each.properties, removed=each.archived)
        for each in found.results
    ]


def _position(at: _ListAt | _SearchAt) -> Position:
    position: Position = msgspec.to_builtins(at)
    return position


def _read_position(position: Position) -> _ListAt | _SearchAt:
    return msgspec.convert(position, _ListAt | _SearchAt)
