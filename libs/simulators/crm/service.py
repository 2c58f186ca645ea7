"""The base of the CRM simulators: one address, faults, a record of calls, and an admin API under `/__simulator`.

A provider says what a request is about (`named`), how it answers it (`answer`) and how it words a fault (`worded`).
Everything else is the same for all, in process and over HTTP:

- `GET /__simulator`: `describe()`.
- `GET`, `DELETE /__simulator/calls`: the calls of `calls`, or forget them.
- `GET`, `POST`, `DELETE /__simulator/faults`: `faults.planned()`, `inject(Fault(..))` (the fault as JSON),
  `faults.clear()`.
- `POST /__simulator/rows/touch`, `/delete`, `/restore` with `{"indexes": [..]}` or `{"every": n}`; `/append` with
  `{"count": n}`; `/edit` with `{"index": i, "values": {..}}`: the methods of these names. Each takes `"at"`
  (milliseconds since 1970; now by default) and, where there are several tables, `"table"`.
- `POST /__simulator/tokens/expire`, `/revoke`: `expire_tokens()`, `revoke_refresh_token()`.

Faults are those of `libs.simulators.faults.NetworkFault` and of `ProviderFault`. `Fault.endpoint` is the name that the
provider gives a call, `Fault.key` the page that it asks for, and `Fault.seconds`, where a fault is answered at once,
what `Retry-After` says.
"""

import asyncio
import time
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from libs.simulators.answers import after_work, encoded_answer, instead_of_work, status_of
from libs.simulators.calls import Call, CallLog
from libs.simulators.crm import instants
from libs.simulators.crm.table import Table
from libs.simulators.crm.tokens import Tokens
from libs.simulators.faults import Fault, FaultPlan, NetworkFault
from libs.simulators.server import Endpoint, Simulator

ADMIN: Final = "/__simulator"

_LOGIN_PAGE: Final = (
    "<!DOCTYPE html>\n<html>\n<head><title>Sign in to continue</title></head>\n"
    "<body><form action=/login method=post><input name=user></form></body>\n</html>\n"
)


class ProviderFault(StrEnum):
    """Faults that a provider words in its own way, and answers of a wrong form with status 200."""

    RATE_LIMITED = "rate_limited"
    DAILY_LIMIT = "daily_limit"
    UNAUTHORIZED = "unauthorized"
    EXPIRED_TOKEN = "expired_token"  # noqa: S105 - a kind of fault, no secret
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"

    HTML_OK = "html_ok"
    """A page of HTML with status 200, as a login portal in between answers."""
    MALFORMED = "malformed"
    """The whole answer arrives, but its body stops in the middle."""
    EMPTY = "empty"
    """The right status and headers, and no body."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request as the providers' handlers see it. `query` keeps repeated parameters; header names are lower case."""

    method: str
    path: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes

    def parameter(self, name: str) -> str | None:
        """Return the first value of a query parameter, None where it is missing."""
        return next((value for key, value in self.query if key == name), None)

    def parameters(self, name: str) -> list[str]:
        """Return all values of a query parameter."""
        return [value for key, value in self.query if key == name]

    def form(self) -> dict[str, str]:
        """Return the body as a form."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    @property
    def bearer(self) -> str | None:
        """The token of the `Authorization` header, None where there is none."""
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        return token if kind.lower() in ("bearer", "oauth") and token else None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent back; `rows` is how many rows of data it carries."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}
    rows: int = 0


class RowsEdit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of the admin calls that change rows."""

    indexes: tuple[int, ...] = ()
    every: int = 0
    count: int = 0
    index: int = 0
    values: dict[str, Any] = {}
    at: int | None = None
    table: str | None = None


class CrmSimulator(Simulator):
    """A CRM on a real socket.

    Args:
        account: the name of the account, as the calls and the faults have it.
        tables: its rows by the provider's name for them; the first is the one that edits are for unless they say.
        tokens: what it lets in.
        host: the interface to listen on.
        port: the TCP port, 0 for a free one.

    Attributes:
        calls: every call so far, with its endpoint's name and the page it asked for as `key`.
        faults: the faults in force.
        rows_served: how many rows of data were answered with.

    """

    def __init__(
        self, account: str, tables: Mapping[str, Table], tokens: Tokens, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        super().__init__()
        self.account = account
        self.tables = dict(tables)
        self.tokens = tokens
        self.calls = CallLog()
        self.faults = FaultPlan(seed=0)
        self.rows_served = 0
        self._endpoint = Endpoint(self._serve, host=host, port=port)
        self._waits: list[tuple[float, float]] = []
        self._reopening: asyncio.TimerHandle | None = None

    @abstractmethod
    def answer(self, asked: Asked) -> Answer:
        """Return the provider's answer to a request, errors included."""

    @abstractmethod
    def worded(self, fault: Fault) -> Answer:
        """Return a `ProviderFault` in the provider's own words."""

    @abstractmethod
    def named(self, asked: Asked) -> tuple[str, str]:
        """Return the name of the endpoint that a request is for, and the page that it asks for (empty for none)."""

    @property
    def url(self) -> str:
        """The base address, without a trailing slash."""
        return self._endpoint.url

    @property
    def token(self) -> str:
        """An access token that does not expire."""
        return self.tokens.permanent

    async def start(self) -> None:
        """Open the address."""
        await self._endpoint.open()

    async def stop(self) -> None:
        """Close the address."""
        if self._reopening is not None:
            self._reopening.cancel()
        await self._endpoint.close()

    def inject(self, *wishes: Fault) -> None:
        """Put faults in force. Callable from any thread but the one that serves.

        Raises:
            ValueError: where there is no fault of that name.

        """
        for wish in wishes:
            if wish.fault == NetworkFault.DOWN:
                self.run(self._go_down(wish.seconds))
            elif wish.fault in (*NetworkFault, *ProviderFault):
                self.faults.add(wish)
            else:
                raise ValueError(f"there is no fault {wish.fault!r}: use one of NetworkFault or ProviderFault")

    def come_up(self) -> None:
        """Accept connections again after `NetworkFault.DOWN`."""
        self.run(self._endpoint.open())

    def too_early(self, slack: float = 0.0) -> list[Call]:
        """Return the calls that arrived before an earlier answer's `Retry-After` had passed, less `slack` seconds."""
        return [
            call
            for call in self.calls.select(target=self.account)
            if any(answered < call.at < until - slack for answered, until in self._waits)
        ]

    def touch(self, indexes: Iterable[int], at: datetime | None = None, *, table: str | None = None) -> None:
        """Change rows in a way that readers see, and stamp them (with now, unless `at` says another time)."""
        self._table(table).touch(indexes, self._stamp(at))

    def delete(self, indexes: Iterable[int], at: datetime | None = None, *, table: str | None = None) -> None:
        """Delete (archive) rows and stamp them."""
        self._table(table).delete(indexes, self._stamp(at))

    def restore(self, indexes: Iterable[int], at: datetime | None = None, *, table: str | None = None) -> None:
        """Bring deleted rows back and stamp them."""
        self._table(table).restore(indexes, self._stamp(at))

    def append(self, count: int, at: datetime | None = None, *, table: str | None = None) -> range:
        """Add rows at the end; return their positions."""
        return self._table(table).append(count, self._stamp(at))

    def edit(self, index: int, at: datetime | None = None, *, table: str | None = None, **values: str | None) -> None:
        """Set fields of one row, by their names in `Person`, and stamp it."""
        self._table(table).edit(index, self._stamp(at), **values)

    def expire_tokens(self) -> None:
        """Make every access token from a token endpoint expired; a new one can be had with the refresh token."""
        self.tokens.expire_all()

    def revoke_refresh_token(self) -> None:
        """Expire the access tokens and refuse the refresh token from now on."""
        self.tokens.expire_all()
        self.tokens.renew_refresh_token()

    def _table(self, name: str | None) -> Table:
        return self.tables[name] if name is not None else next(iter(self.tables.values()))

    def _stamp(self, at: datetime | None) -> int:
        """Return a time as the provider stores it."""
        return time.time_ns() // 1_000_000 if at is None else instants.from_datetime(at)

    async def _go_down(self, seconds: float) -> None:
        await self._endpoint.close()
        if seconds:
            loop = asyncio.get_running_loop()
            self._reopening = loop.call_later(seconds, lambda: loop.create_task(self._endpoint.open()))

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        asked = Asked(
            method=request.method,
            path=request.path,
            query=list(request.query.items()),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read() if request.can_read_body else b"",
        )
        if asked.path.startswith(ADMIN):
            return self._administer(asked)
        endpoint, page = self.named(asked)
        call = self.calls.begin(self.account, endpoint, page, "")
        wish = self.faults.draw(self.account, endpoint, page)
        status = 0
        try:
            response = await self._respond(request, asked, wish)
            status = status_of(response)
        finally:
            call.fault = "" if wish is None else wish.fault
            self.calls.finish(call, status)
        if wait := response.headers.get("Retry-After"):
            self._waits.append((call.ended_at, call.ended_at + float(wait)))
        return response

    async def _respond(self, request: web.BaseRequest, asked: Asked, wish: Fault | None) -> web.StreamResponse:
        if wish is None:
            return self._sent(self.answer(asked))
        broken = await instead_of_work(request, wish)
        if broken is not None:
            return broken
        match wish.fault:
            case ProviderFault.HTML_OK:
                return web.Response(text=_LOGIN_PAGE, content_type="text/html")
            case ProviderFault.MALFORMED:
                whole = self.answer(asked)
                return self._sent(msgspec.structs.replace(whole, body=whole.body[: len(whole.body) // 2], rows=0))
            case ProviderFault.EMPTY:
                return self._sent(msgspec.structs.replace(self.answer(asked), body=b"", rows=0))
            case _:
                answer = self.worded(wish) if wish.fault in tuple(ProviderFault) else self.answer(asked)
                return await after_work(request, wish, self._sent(answer))

    def _sent(self, answer: Answer) -> web.Response:
        self.rows_served += answer.rows
        headers = {"Content-Type": answer.content_type, **answer.headers}
        return web.Response(status=answer.status, body=answer.body, headers=headers)

    def _administer(self, asked: Asked) -> web.Response:
        """Answer the admin API; 400 says what was wrong."""
        what = asked.path.removeprefix(ADMIN).strip("/")
        try:
            return encoded_answer(self._administered(asked.method, what, asked.body))
        except (msgspec.DecodeError, TypeError, LookupError, ValueError) as error:
            return encoded_answer({"error": str(error)}, 400)

    def _administered(self, method: str, what: str, body: bytes) -> object:
        match method, what:
            case "GET", "":
                return self.describe()
            case "GET", "calls":
                return self.calls.select()
            case "GET", "faults":
                return self.faults.planned()
            case "POST", "rows/touch" | "rows/delete" | "rows/restore" | "rows/append" | "rows/edit":
                return self._edited(what.removeprefix("rows/"), msgspec.json.decode(body, type=RowsEdit))
            case "POST", "faults":
                self._inject_served(msgspec.json.decode(body, type=Fault))
            case "DELETE", "calls":
                self.calls.clear()
            case "DELETE", "faults":
                self.faults.clear()
            case "POST", "tokens/expire":
                self.expire_tokens()
            case "POST", "tokens/revoke":
                self.revoke_refresh_token()
            case _:
                raise ValueError(f"the admin API has no {method} {what or '/'}")
        return None

    def _inject_served(self, wish: Fault) -> None:
        """Put a fault in force from within the serving thread."""
        if wish.fault == NetworkFault.DOWN:
            raise ValueError("a simulator that is down cannot be told to come back over HTTP: inject this in process")
        self.inject(wish)

    def _edited(self, how: str, edit: RowsEdit) -> object:
        table = self._table(edit.table)
        at = self._stamp(None) if edit.at is None else edit.at
        indexes = range(0, len(table), edit.every) if edit.every else edit.indexes
        match how:
            case "append":
                added = table.append(edit.count, at)
                return {"from": added.start, "to": added.stop}
            case "edit":
                table.edit(edit.index, at, **edit.values)
            case "touch":
                table.touch(indexes, at)
            case "delete":
                table.delete(indexes, at)
            case _:
                table.restore(indexes, at)
        return {"rows": len(table)}
