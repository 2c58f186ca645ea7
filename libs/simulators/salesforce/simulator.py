"""Salesforce over HTTP: OAuth tokens, SOQL queries, describe, limits, and Bulk API 2.0 query jobs.

    with running_salesforce(rows=1000, seed=1) as simulator:
        session = requests.Session()
        session.mount(simulator.url.replace("http:", "https:"), Plain(simulator.url))
        client = Salesforce(instance_url=simulator.url, session_id=simulator.token, session=session)

`simple-salesforce` 1.12 keeps host and port of `instance_url` and puts `https://` before them, everywhere and without
an option (`api.py`: `base_url`, `bulk2_url`, `query_more`; its request for custom addresses, simple-salesforce#101, was
closed with `domain=`, which is for names under salesforce.com). What it does support is a `session` of one's own, and a
requests session supports adapters by address prefix. So a plain-HTTP stand-in is reached through an adapter that turns
the address back, here `Plain`, ten lines in `tests/integration/simulators/clients.py`. Assigning `base_url` and
`bulk2_url` afterwards would not do: `query_more` builds its address anew. `SalesforceLogin` posts to
`https://{domain}.salesforce.com/services/oauth2/token`; the same adapter, mounted for that prefix too, brings it here.
Its `delete_job` reads JSON from the empty 204 that Salesforce answers, and so raises after the job is gone.

| call | what |
| --- | --- |
| `POST /services/oauth2/token` | `refresh_token`, JWT bearer |
| `GET /services/oauth2/userinfo` | whose token it is |
| `GET /services/data` | the API versions |
| `GET /services/data/vXX.X/query?q=`, `/queryAll?q=`, `/query/{locator}` | see `libs.simulators.salesforce.soql` |
| `GET .../sobjects`, `.../sobjects/{name}/describe`, `.../limits` | the objects, their fields, the limits |
| `POST`, `GET .../jobs/query`; `GET`, `PATCH`, `DELETE .../jobs/query/{id}`; `GET .../results` | see `.bulk` |

Confirmed in the REST API guide: batches of 2,000 (fewer on request, `Sforce-Query-Options: batchSize=`, at least 200),
`nextRecordsUrl`, `done`, `totalSize`; the statuses and codes in `libs.simulators.salesforce.errors`; the members of a
token answer, which has no `expires_in`. From captures by others: the texts of the OAuth errors. Not confirmed: for how
long a locator lives (`expire_cursors` ends them all), and which of `query` or `queryAll` stands in the
`nextRecordsUrl` of a queryAll (both are served).
"""

import re
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final

import msgspec

from libs.simulators.crm.conditions import select
from libs.simulators.crm.headers import retry_after
from libs.simulators.crm.ordering import Selection
from libs.simulators.crm.people import People, Shape
from libs.simulators.crm.service import Answer, Asked, CrmSimulator, ProviderFault
from libs.simulators.crm.table import Layer, Stamps, Table
from libs.simulators.crm.tokens import AssertionRefused, SigningKey, Tokens
from libs.simulators.faults import Fault
from libs.simulators.limits import SlidingWindow
from libs.simulators.salesforce import errors, soql
from libs.simulators.salesforce.bulk import Jobs
from libs.simulators.salesforce.errors import OAuthError, SalesforceError
from libs.simulators.salesforce.ids import record_id
from libs.simulators.salesforce.objects import OBJECTS, STAMPS
from libs.simulators.server import running

ORGANISATION: Final = "00D5g000000AAAAEA0"
_USER: Final = "0055g000000AAAAAAA"
_BATCH: Final = 2000
_SMALLEST_BATCH: Final = 200
_DAY_S: Final = 86_400.0
_JWT_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_DATA: Final = re.compile(r"/services/data/v(?P<version>\d+\.\d)/(?P<what>.*?)/?")
_QUERY: Final = re.compile(r"(?P<kind>query|queryAll)(?:/(?P<cursor>\w+)-(?P<offset>\d+))?")
_JOB: Final = re.compile(r"jobs/query/(?P<job>\w+)(?P<results>/results)?")
_DESCRIBE: Final = re.compile(r"sobjects/(?P<name>\w+)/describe")


class _Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """A query under way: its rows as they were when it was asked."""

    query: soql.Query
    table: Table
    layer: Layer
    selection: Selection
    size: int


class SalesforceSimulator(CrmSimulator):
    """An organisation with generated contacts and leads.

    Args:
        rows: how many contacts.
        seed: of the rows.
        leads: how many leads.
        shape: how untidy they are.
        stamps: their change stamps; whole seconds, as in Salesforce.
        token_lifetime: seconds that an access token lives.
        calls_per_day: how many calls a day are let through, None for no limit.
        bulk_polls: how often a bulk job says that it is not done before it is.
        header_every_page: whether every page of bulk results begins with the header line.
        host: the interface to listen on.
        port: the TCP port, 0 for a free one.

    """

    client_id = "3MVG9simulated.consumer.key"
    client_secret = "SIMULATED0123456789"  # noqa: S105 - opens nothing but this simulator
    username = "sync@example.com"

    def __init__(
        self,
        rows: int = 1000,
        seed: int = 1,
        *,
        leads: int = 0,
        shape: Shape | None = None,
        stamps: Stamps = STAMPS,
        token_lifetime: float = 7200.0,
        calls_per_day: int | None = None,
        bulk_polls: int = 1,
        header_every_page: bool = True,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        tables = {
            "Contact": Table(People(seed, shape), rows, stamps=stamps),
            "Lead": Table(People(seed + 1, shape), leads, stamps=stamps),
        }
        super().__init__("salesforce", tables, Tokens(f"{ORGANISATION[:15]}!", token_lifetime), host=host, port=port)
        self.jobs = Jobs(
            tables={name.lower(): table for name, table in tables.items()},
            polls=bulk_polls,
            header_every_page=header_every_page,
            now_ms=lambda: self._stamp(None),
        )
        self._key = SigningKey()
        self._calls_per_day = calls_per_day
        self._day = SlidingWindow(calls_per_day or 0, _DAY_S) if calls_per_day is not None else None
        self._used = 0
        self._cursors: dict[str, _Cursor] = {}
        self._cursors_made = 0
        self._lock = threading.Lock()

    @property
    def refresh_token(self) -> str:
        """The refresh token that is good now."""
        return self.tokens.refresh_token

    @property
    def private_key(self) -> str:
        """The private key, as PEM, whose assertions the connected app accepts."""
        return self._key.private_pem

    def describe(self) -> Mapping[str, object]:
        """Return where it listens and what lets a client in."""
        return {
            "url": self.url,
            "token": self.token,
            "clientId": self.client_id,
            "clientSecret": self.client_secret,
            "refreshToken": self.refresh_token,
            "username": self.username,
            "privateKey": self.private_key,
            "rows": len(self.tables["Contact"]),
        }

    def id_of(self, index: int, entity: str = "Contact") -> str:
        """Return the id of the row at a position."""
        return record_id(OBJECTS[entity.lower()].prefix, index)

    def expire_cursors(self) -> None:
        """End all queries under way: their locators are `INVALID_QUERY_LOCATOR` from now on."""
        with self._lock:
            self._cursors.clear()

    def named(self, asked: Asked) -> tuple[str, str]:
        """Name the endpoint, and the page by its query, its locator or its job and locator."""
        match = _DATA.fullmatch(asked.path)
        if match is None:
            return {"/services/oauth2/token": "token", "/services/oauth2/userinfo": "userinfo"}.get(
                asked.path.rstrip("/"), "unknown"
            ), ""
        what = match["what"]
        if query := _QUERY.fullmatch(what):
            if query["cursor"]:
                return "query.more", f"{query['cursor']}-{query['offset']}"
            return query["kind"], asked.parameter("q") or ""
        if job := _JOB.fullmatch(what):
            if job["results"]:
                page = f"{job['job']} {asked.parameter('locator') or ''} {asked.parameter('maxRecords') or ''}"
                return "bulk.results", page
            return {"GET": "bulk.job", "PATCH": "bulk.abort", "DELETE": "bulk.delete"}.get(asked.method, "unknown"), ""
        if what == "jobs/query":
            return ("bulk.create" if asked.method == "POST" else "bulk.jobs"), ""
        if _DESCRIBE.fullmatch(what):
            return "describe", ""
        return (what if what in ("sobjects", "limits") else "unknown"), ""

    def answer(self, asked: Asked) -> Answer:
        """Return Salesforce's answer."""
        try:
            return self._route(asked)
        except SalesforceError as error:
            return self._refusal(error)

    def worded(self, fault: Fault) -> Answer:
        """Return a fault in Salesforce's words."""
        error = {
            ProviderFault.RATE_LIMITED: errors.concurrent_limit,
            ProviderFault.DAILY_LIMIT: errors.request_limit,
            ProviderFault.UNAUTHORIZED: errors.invalid_session,
            ProviderFault.EXPIRED_TOKEN: errors.invalid_session,
            ProviderFault.FORBIDDEN: errors.api_disabled,
            ProviderFault.NOT_FOUND: errors.not_found,
            ProviderFault.UNAVAILABLE: errors.unavailable,
        }.get(ProviderFault(fault.fault), errors.internal)()
        return msgspec.structs.replace(self._refusal(error), headers=retry_after(fault.seconds))

    def _stamp(self, at: datetime | None) -> int:
        """Return a time in whole seconds, as Salesforce stores it."""
        return super()._stamp(at) // 1000 * 1000

    def _refusal(self, error: SalesforceError) -> Answer:
        return Answer(status=error.status, body=error.encoded(), content_type=errors.JSON)

    def _route(self, asked: Asked) -> Answer:
        path = asked.path.rstrip("/")
        if path == "/services/oauth2/token" and asked.method == "POST":
            return self._token_answer(asked.form())
        if path == "/services/data" and asked.method == "GET":
            return self._json([{"label": "Winter '24", "url": "/services/data/v59.0", "version": "59.0"}])
        if not self.tokens.judge(asked.bearer).good:
            raise errors.invalid_session()
        if self._day is not None and self._day.wait_s():
            raise errors.request_limit()
        self._used += 1
        if path == "/services/oauth2/userinfo":
            return self._json(
                {
                    "sub": f"{self.url}/id/{ORGANISATION}/{_USER}",
                    "user_id": _USER,
                    "organization_id": ORGANISATION,
                    "preferred_username": self.username,
                    "email": self.username,
                }
            )
        match = _DATA.fullmatch(asked.path)
        if match is None:
            raise errors.not_found()
        return self._data(asked, match["version"], match["what"])

    def _data(self, asked: Asked, version: str, what: str) -> Answer:
        if query := _QUERY.fullmatch(what):
            if query["cursor"]:
                return self._more(query["cursor"], int(query["offset"]), version, _batch(asked))
            return self._query(
                asked.parameter("q") or "", version, _batch(asked), everything=query["kind"] == "queryAll"
            )
        if what == "jobs/query" and asked.method == "POST":
            return self._json(self.jobs.create(asked.body, version).shown())
        if what == "jobs/query":
            return self._json({"done": True, "nextRecordsUrl": None, "records": [j.shown() for j in self.jobs.all()]})
        if job := _JOB.fullmatch(what):
            return self._job(asked, version, job["job"], results=bool(job["results"]))
        if match := _DESCRIBE.fullmatch(what):
            entity = OBJECTS.get(match["name"].lower())
            if entity is None:
                raise errors.not_found()
            fields = [field.described() for field in entity.fields.values()]
            return self._json({"name": entity.name, "label": entity.name, "queryable": True, "fields": fields})
        if what == "sobjects":
            listed = [{"name": each.name, "label": each.name, "queryable": True} for each in OBJECTS.values()]
            return self._json({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": listed})
        if what == "limits":
            most = self._calls_per_day or 100_000
            return self._json(
                {
                    "DailyApiRequests": {"Max": most, "Remaining": max(most - self._used, 0)},
                    "DailyBulkV2QueryJobs": {"Max": 10_000, "Remaining": 10_000 - len(self.jobs.all())},
                }
            )
        raise errors.not_found()

    def _query(self, text: str, version: str, batch: int, *, everything: bool) -> Answer:
        query = soql.parse(text)
        table = self.tables[query.entity.name]
        layer = table.layer
        selection = select(table, layer, query.alternatives, order=query.order, include_deleted=everything)
        size = max(selection.total - query.offset, 0)
        if query.limit is not None:
            size = min(size, query.limit)
        if not query.fields:
            return self._json({"totalSize": size, "done": True, "records": []})
        cursor = _Cursor(query=query, table=table, layer=layer, selection=selection, size=size)
        with self._lock:
            self._cursors_made += 1
            name = record_id("01g", self._cursors_made)
            if size > batch:
                self._cursors[name] = cursor
        return self._batch_answer(cursor, name, 0, version, batch)

    def _more(self, name: str, offset: int, version: str, batch: int) -> Answer:
        with self._lock:
            cursor = self._cursors.get(name)
        if cursor is None or offset >= cursor.size:
            raise errors.bad_locator()
        return self._batch_answer(cursor, name, offset, version, batch)

    def _batch_answer(self, cursor: _Cursor, name: str, offset: int, version: str, batch: int) -> Answer:
        query, entity = cursor.query, cursor.query.entity
        indexes = cursor.selection.page(
            query.offset + offset, min(batch, cursor.size - offset), descending=query.descending
        )
        records = [
            {
                "attributes": {
                    "type": entity.name,
                    "url": f"/services/data/v{version}/sobjects/{entity.name}/{record_id(entity.prefix, index)}",
                },
                **soql.shown(query, cursor.table.row(index, cursor.layer)),
            }
            for index in indexes
        ]
        after = offset + len(indexes)
        done = after >= cursor.size
        body: dict[str, object] = {"totalSize": cursor.size, "done": done}
        if not done:
            body["nextRecordsUrl"] = f"/services/data/v{version}/query/{name}-{after}"
        return self._json({**body, "records": records}, rows=len(records))

    def _job(self, asked: Asked, version: str, job_id: str, *, results: bool) -> Answer:
        match asked.method, results:
            case "GET", True:
                page = self.jobs.results(job_id, version, asked.parameter("locator"), asked.parameter("maxRecords"))
                headers = {"Sforce-NumberOfRecords": str(page.records), "Sforce-Locator": page.locator}
                return Answer(body=page.csv, content_type="text/csv", headers=headers, rows=page.records)
            case "GET", False:
                return self._json(self.jobs.poll(job_id).shown())
            case "PATCH", False:
                return self._json(self.jobs.abort(job_id).shown())
            case "DELETE", False:
                self.jobs.delete(job_id)
                return Answer(status=204)
            case _:
                raise errors.not_found()

    def _token_answer(self, form: Mapping[str, str]) -> Answer:
        match form.get("grant_type"):
            case "refresh_token":
                if form.get("client_id") != self.client_id:
                    raise OAuthError(400, "invalid_client_id", "client identifier invalid")
                if form.get("client_secret") != self.client_secret:
                    raise OAuthError(400, "invalid_client", "invalid client credentials")
                if form.get("refresh_token") != self.refresh_token:
                    raise OAuthError(400, "invalid_grant", "expired access/refresh token")
            case grant if grant == _JWT_GRANT:
                self._check(form.get("assertion", ""))
            case _:
                raise OAuthError(400, "unsupported_grant_type", "grant type not supported")
        return self._json(
            {
                "access_token": self.tokens.issue(),
                "signature": "c2ltdWxhdGVk",
                "scope": "api refresh_token",
                "instance_url": self.url,
                "id": f"{self.url}/id/{ORGANISATION}/{_USER}",
                "token_type": "Bearer",
                "issued_at": str(time.time_ns() // 1_000_000),
            }
        )

    def _check(self, assertion: str) -> None:
        audiences = (self.url, "https://login.salesforce.com", "https://test.salesforce.com")
        try:
            self._key.claims(
                assertion, issuer=self.client_id, audiences=audiences, subject=self.username, now=time.time()
            )
        except AssertionRefused as refused:
            code, text = {
                "issuer": ("invalid_client_id", "client identifier invalid"),
                "audience": ("invalid_grant", "audience is invalid"),
                "subject": ("invalid_grant", "user hasn't approved this consumer"),
            }.get(refused.reason, ("invalid_grant", "invalid assertion"))
            raise OAuthError(400, code, text) from refused

    def _json(self, content: object, *, rows: int = 0) -> Answer:
        usage = f"api-usage={self._used}/{self._calls_per_day or 100_000}"
        return Answer(
            body=msgspec.json.encode(content),
            content_type=errors.JSON,
            headers={"Sforce-Limit-Info": usage},
            rows=rows,
        )


def running_salesforce(
    rows: int = 1000,
    seed: int = 1,
    *,
    leads: int = 0,
    shape: Shape | None = None,
    stamps: Stamps = STAMPS,
    token_lifetime: float = 7200.0,
    calls_per_day: int | None = None,
    bulk_polls: int = 1,
    header_every_page: bool = True,
    port: int = 0,
) -> AbstractContextManager[SalesforceSimulator]:
    """Run Salesforce in a thread for the length of a `with` block. The arguments are those of `SalesforceSimulator`."""
    return running(
        SalesforceSimulator(
            rows,
            seed,
            leads=leads,
            shape=shape,
            stamps=stamps,
            token_lifetime=token_lifetime,
            calls_per_day=calls_per_day,
            bulk_polls=bulk_polls,
            header_every_page=header_every_page,
            port=port,
        )
    )


def _batch(asked: Asked) -> int:
    match = re.search(r"batchSize\s*=\s*(\d+)", asked.headers.get("sforce-query-options", ""))
    return _BATCH if match is None else min(max(int(match[1]), _SMALLEST_BATCH), _BATCH)
