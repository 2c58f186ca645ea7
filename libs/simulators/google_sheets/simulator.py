"""The Google Sheets API v4 over HTTP, with Google's token endpoint and the one Drive call that tells of changes.

    with running_google_sheets(rows=1000, seed=1) as simulator:
        credentials = Credentials.from_service_account_info(simulator.service_account, scopes=[...])
        session = AuthorizedSession(credentials)
        session.mount("https://sheets.googleapis.com", Plain(simulator.url))
        client = gspread.Client(credentials, session)

The token endpoint needs no trick: a service account's key file names its `token_uri`, and so does an OAuth credential.
For the API itself three ways were compared:

- `gspread` 6.2 with a requests adapter mounted for `https://sheets.googleapis.com`, as above: its `urls.py` has the
  address as a constant, its `Client` takes a `session`, and requests mounts adapters by prefix. The same adapter serves
  simple-salesforce. This is the cleanest: nothing of gspread is replaced, and its connections are kept alive.
- `gspread` with a subclass of `HTTPClient` whose `request` rewrites the address: the documented place for a client of
  one's own, but it runs before the session and so repeats what an adapter does.
- `google-api-python-client` with `client_options={"api_endpoint": url}`: an option made for this, but a second HTTP
  stack (httplib2, which threads cannot share) and a package of discovery documents for every Google API.

`google-auth` 2.62 starts a thread at the first call of a service account that asks iamcredentials.googleapis.com where
the account may be used (`_regional_access_boundary_utils.py`); where that fails it goes on without. The thread works on
a copy of the session in `AuthorizedSession(auth_request=)`, so an adapter mounted there keeps the request here (it is
answered 404) if it survives `copy.deepcopy`, which takes its base address into `__attrs__`.
`gspread` reports an answer that is not JSON as `APIError` with `code` -1: the status is in `error.response`.

| call | what |
| --- | --- |
| `POST /token` | JWT bearer (service account), `refresh_token` |
| `GET /v4/spreadsheets/{id}` | title, sheets and their grids |
| `GET /v4/spreadsheets/{id}/values/{range}` | cells of one range |
| `GET /v4/spreadsheets/{id}/values:batchGet?ranges=` | cells of several |
| `GET /drive/v3/files/{id}` | when the file last changed |

Confirmed in Google's guides: values as shown unless `valueRenderOption=UNFORMATTED_VALUE`; empty trailing rows and
columns omitted (the reading samples say so); `majorDimension`; 300 reads a minute per project and 60 per user; the
first sheet where a range names none. From users' reports: a range that begins beyond the grid is refused, one that ends
beyond it is cut, and the answer names the cut range. No limit is in force unless `limits` says so.
"""

import re
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from libs.simulators.crm import instants
from libs.simulators.crm.people import People, Shape
from libs.simulators.crm.service import Answer, Asked, CrmSimulator, ProviderFault
from libs.simulators.crm.table import Table
from libs.simulators.crm.tokens import AssertionRefused, SigningKey, Tokens
from libs.simulators.faults import Fault
from libs.simulators.google_sheets import a1, errors
from libs.simulators.google_sheets.errors import GoogleError
from libs.simulators.google_sheets.sheet import DEFAULT_COLUMNS, Cell, Raw, Sheet
from libs.simulators.limits import SlidingWindow
from libs.simulators.server import running

_JWT_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_SPREADSHEET: Final = re.compile(r"/v4/spreadsheets/(?P<id>[^/:]+)(?:/values(?:/(?P<range>.+)|(?P<batch>:batchGet)))?")
_FILE: Final = re.compile(r"/drive/v3/files/(?P<id>[^/]+)")
_MINUTE_S: Final = 60.0


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How many reads a minute are let through; None for no limit."""

    per_user: int | None = None
    per_project: int | None = None


REAL_LIMITS: Final = Limits(per_user=60, per_project=300)
"""Google's own limits."""


class GoogleSheetsSimulator(CrmSimulator):
    """One spreadsheet with generated people in its first sheet.

    Args:
        rows: how many people.
        seed: of the people.
        columns: the headings of the sheet, out of `libs.simulators.google_sheets.sheet.COLUMNS`.
        blank_every: every so many rows is left blank in the middle of the data; 0 for none.
        shape: how untidy they are.
        token_lifetime: seconds that an access token lives (3,599 at Google).
        limits: how many reads a minute are let through.
        shared: whether the spreadsheet is shared with the account; can be changed while it runs.
        host: the interface to listen on.
        port: the TCP port, 0 for a free one.

    """

    spreadsheet_id = "1SiMuLaTeD-sPrEaDsHeEt_0123456789abcdefghijk"
    client_id = "123456789-simulated.apps.googleusercontent.com"
    client_secret = "GOCSPX-simulated"  # noqa: S105 - opens nothing but this simulator
    account_email = "sync@simulated-project.iam.gserviceaccount.com"
    title = "Leads 2024"

    def __init__(
        self,
        rows: int = 1000,
        seed: int = 1,
        *,
        columns: Sequence[str] = DEFAULT_COLUMNS,
        blank_every: int = 0,
        shape: Shape | None = None,
        token_lifetime: float = 3599.0,
        limits: Limits | None = None,
        shared: bool = True,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.people = Table(People(seed, shape), rows)
        super().__init__("google-sheets", {"Leads": self.people}, Tokens("ya29.", token_lifetime), host=host, port=port)
        self.sheet = Sheet("Leads", 0, self.people, columns, blank_every=blank_every)
        self.sheets = (self.sheet, Sheet("It's a backup", 731_554, None, columns))
        self.shared = shared
        self._key = SigningKey()
        limits = limits or Limits()
        self._windows = [
            (SlidingWindow(reads, _MINUTE_S), per_user)
            for reads, per_user in ((limits.per_user, True), (limits.per_project, False))
            if reads is not None
        ]

    @property
    def refresh_token(self) -> str:
        """The refresh token that is good now."""
        return self.tokens.refresh_token

    @property
    def service_account(self) -> dict[str, str]:
        """The key file of a service account, as `Credentials.from_service_account_info` takes it."""
        return {
            "type": "service_account",
            "project_id": "simulated-project",
            "private_key_id": "0123456789abcdef",
            "private_key": self._key.private_pem,
            "client_email": self.account_email,
            "client_id": "123456789",
            "auth_uri": f"{self.url}/auth",
            "token_uri": f"{self.url}/token",
        }

    def describe(self) -> Mapping[str, object]:
        """Return where it listens and what lets a client in."""
        return {
            "url": self.url,
            "token": self.token,
            "spreadsheetId": self.spreadsheet_id,
            "sheet": self.sheet.title,
            "serviceAccount": self.service_account,
            "clientId": self.client_id,
            "clientSecret": self.client_secret,
            "refreshToken": self.refresh_token,
            "rows": self.sheet.rows,
        }

    def named(self, asked: Asked) -> tuple[str, str]:
        """Name the endpoint, and the page by its range."""
        if match := _SPREADSHEET.fullmatch(asked.path):
            if match["batch"]:
                return "values.batchGet", "&".join(asked.parameters("ranges"))
            return ("values.get", match["range"]) if match["range"] else ("spreadsheet", "")
        if _FILE.fullmatch(asked.path):
            return "drive.file", ""
        if asked.path.endswith("/allowedLocations"):
            return "iam.boundary", ""
        return ("token", "") if asked.path == "/token" else ("unknown", "")

    def answer(self, asked: Asked) -> Answer:
        """Return Google's answer."""
        try:
            return self._route(asked)
        except GoogleError as error:
            return _refusal(error)

    def worded(self, fault: Fault) -> Answer:
        """Return a fault in Google's words."""
        wait = fault.seconds or None
        match fault.fault:
            case ProviderFault.RATE_LIMITED:
                error = errors.exhausted(per_user=True, limit=60, wait=wait)
            case ProviderFault.DAILY_LIMIT:
                error = errors.exhausted(per_user=False, limit=300, wait=wait)
            case ProviderFault.UNAUTHORIZED | ProviderFault.EXPIRED_TOKEN:
                error = errors.unauthenticated()
            case ProviderFault.FORBIDDEN:
                error = errors.forbidden()
            case ProviderFault.NOT_FOUND:
                error = errors.not_found()
            case ProviderFault.UNAVAILABLE:
                error = errors.unavailable(wait)
            case _:
                error = errors.internal()
        return _refusal(error)

    def _route(self, asked: Asked) -> Answer:
        if asked.path == "/token" and asked.method == "POST":
            return self._token_answer(asked.form())
        match = _SPREADSHEET.fullmatch(asked.path)
        wanted = match or _FILE.fullmatch(asked.path)
        if asked.method != "GET" or wanted is None:
            raise errors.not_found()
        if not self.tokens.judge(asked.bearer).good:
            raise errors.unauthenticated()
        for window, per_user in self._windows:
            if match and window.wait_s():
                raise errors.exhausted(per_user=per_user, limit=window.calls)
        if wanted["id"] != self.spreadsheet_id:
            raise errors.not_found()
        if not self.shared:
            raise errors.forbidden() if match else errors.not_found()
        if match is None:
            return self._file()
        if match["batch"]:
            return self._batch(asked)
        return self._values(match["range"], asked) if match["range"] else self._metadata()

    def _metadata(self) -> Answer:
        return _json(
            {
                "spreadsheetId": self.spreadsheet_id,
                "properties": {
                    "title": self.title,
                    "locale": "en_US",
                    "autoRecalc": "ON_CHANGE",
                    "timeZone": "America/New_York",
                },
                "sheets": [
                    {
                        "properties": {
                            "sheetId": sheet.gid,
                            "title": sheet.title,
                            "index": place,
                            "sheetType": "GRID",
                            "gridProperties": {
                                "rowCount": sheet.grid.rows,
                                "columnCount": sheet.grid.columns,
                                "frozenRowCount": 1,
                            },
                        }
                    }
                    for place, sheet in enumerate(self.sheets)
                ],
                "spreadsheetUrl": f"https://docs.google.com/spreadsheets/d/{self.spreadsheet_id}/edit",
            }
        )

    def _file(self) -> Answer:
        layer = self.people.layer
        changed = max((change.modified_ms for change in layer.changes.values()), default=self.people.stamps.first_ms)
        return _json(
            {
                "id": self.spreadsheet_id,
                "name": self.title,
                "createdTime": instants.millis(self.people.stamps.first_ms),
                "modifiedTime": instants.millis(changed),
            }
        )

    def _values(self, text: str, asked: Asked) -> Answer:
        answer = self._range(unquote(text), asked)
        return _json(answer, rows=len(answer.get("values", ())))

    def _batch(self, asked: Asked) -> Answer:
        ranges = [self._range(text, asked) for text in asked.parameters("ranges")]
        rows = sum(len(each.get("values", ())) for each in ranges)
        return _json({"spreadsheetId": self.spreadsheet_id, "valueRanges": ranges}, rows=rows)

    def _range(self, text: str, asked: Asked) -> dict[str, Any]:
        option = asked.parameter("valueRenderOption") or "FORMATTED_VALUE"
        dimension = asked.parameter("majorDimension") or "ROWS"
        dates = asked.parameter("dateTimeRenderOption") or "SERIAL_NUMBER"
        if option not in ("FORMATTED_VALUE", "UNFORMATTED_VALUE", "FORMULA") or dimension not in ("ROWS", "COLUMNS"):
            raise errors.invalid_argument("Invalid value at 'value_render_option' or 'major_dimension'")
        try:
            area = a1.parse(text, [sheet.grid for sheet in self.sheets])
        except a1.UnreadableRange as error:
            raise errors.bad_range(text) from error
        except a1.OutsideGrid as error:
            raise errors.outside_grid(text, error.grid.rows, error.grid.columns) from error
        sheet = next(each for each in self.sheets if each.title == area.title)
        shows = option == "FORMATTED_VALUE"
        cells = [[_cell(cell, shows=shows, dates=dates) for cell in row] for row in sheet.cells(area)]
        if dimension == "COLUMNS":
            width = max((len(row) for row in cells), default=0)
            cells = [[row[at] if at < len(row) else "" for row in cells] for at in range(width)]
        values = _without_trailing(cells)
        answer: dict[str, Any] = {"range": area.written(), "majorDimension": dimension}
        if values:
            answer["values"] = values
        return answer

    def _token_answer(self, form: Mapping[str, str]) -> Answer:
        match form.get("grant_type"):
            case "refresh_token":
                if form.get("client_id") != self.client_id:
                    raise errors.oauth("invalid_client", "The OAuth client was not found.", 401)
                if form.get("client_secret") != self.client_secret:
                    raise errors.oauth("invalid_client", "Unauthorized", 401)
                if form.get("refresh_token") != self.refresh_token:
                    raise errors.oauth("invalid_grant", "Token has been expired or revoked.")
            case grant if grant == _JWT_GRANT:
                self._check(form.get("assertion", ""))
            case other:
                raise errors.oauth("unsupported_grant_type", f"Invalid grant_type: {other}")
        return _json(
            {
                "access_token": self.tokens.issue(),
                "expires_in": round(self.tokens.lifetime),
                "scope": "https://www.googleapis.com/auth/spreadsheets.readonly",
                "token_type": "Bearer",
            }
        )

    def _check(self, assertion: str) -> None:
        audiences = ("https://oauth2.googleapis.com/token", f"{self.url}/token")
        try:
            self._key.claims(assertion, issuer=self.account_email, audiences=audiences, subject=None, now=time.time())
        except AssertionRefused as refused:
            text = {
                "issuer": "Invalid grant: account not found",
                "audience": "Invalid JWT: Failed audience check.",
                "lifetime": "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
                "timeframe. Check your iat and exp values in the JWT claim.",
            }.get(refused.reason, "Invalid JWT Signature.")
            raise errors.oauth("invalid_grant", text) from refused


def running_google_sheets(
    rows: int = 1000,
    seed: int = 1,
    *,
    columns: Sequence[str] = DEFAULT_COLUMNS,
    blank_every: int = 0,
    shape: Shape | None = None,
    token_lifetime: float = 3599.0,
    limits: Limits | None = None,
    shared: bool = True,
    port: int = 0,
) -> AbstractContextManager[GoogleSheetsSimulator]:
    """Run Google Sheets in a thread for the length of a `with` block, with the arguments of `GoogleSheetsSimulator`."""
    return running(
        GoogleSheetsSimulator(
            rows,
            seed,
            columns=columns,
            blank_every=blank_every,
            shape=shape,
            token_lifetime=token_lifetime,
            limits=limits,
            shared=shared,
            port=port,
        )
    )


def _cell(cell: Cell | None, *, shows: bool, dates: str) -> Raw:
    if cell is None:
        return ""
    return cell.shown if shows or (cell.is_date and dates == "FORMATTED_STRING") else cell.stored


def _without_trailing(lines: list[list[Raw]]) -> list[list[Raw]]:
    """Return lines without the empty cells at the end of each and the empty lines at the end of all."""
    for line in lines:
        while line and line[-1] == "":
            line.pop()
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _json(content: object, *, rows: int = 0) -> Answer:
    return Answer(body=msgspec.json.encode(content), content_type=errors.JSON, rows=rows)


def _refusal(error: GoogleError) -> Answer:
    return Answer(status=error.status, body=error.encoded(), content_type=errors.JSON, headers=error.headers)
