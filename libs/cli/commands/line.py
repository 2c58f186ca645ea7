"""`tuco-jobs line`: put a real server, or anyone's stand-in for one, behind a workspace's line; list the lines."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import click
import msgspec
from bson import ObjectId

from libs.cli.app import App, with_app
from libs.cli.failures import BadInput
from libs.cli.line_check import Checked, check_line
from libs.cli.lines import DEFAULT_LIMITS, NewLine, list_lines, save_line
from libs.cli.output import facts, plain, table
from libs.common.stores.lines import HealthStatus, Line, line_record

_LONGEST_SECRET = 4_096
_API_PATH = "/api/v1"


@click.group()
def line() -> None:
    """Lines: the phones through which a workspace reaches people."""


@line.command()
@click.option("--provider", type=click.Choice(["bluebubbles", "sendblue"]), default="bluebubbles", show_default=True)
@click.option("--url", required=True, help="The server's address, such as https://mac.example.com:1234.")
@click.option(
    "--password-stdin", is_flag=True, help="Read the password (Sendblue: the secret key) from standard input."
)
@click.option("--api-key-id", metavar="TEXT", help="Sendblue's key id.")
@click.option("--workspace", required=True, metavar="ID", help="The workspace that the line will belong to.")
@click.option("--name", metavar="TEXT", help="How people call the line.  [the server's host]")
@click.option("--address", default="", metavar="TEXT", help="The line's own phone number or email address.")
@click.option("--per-minute", type=click.IntRange(min=1), default=DEFAULT_LIMITS["perMinute"], show_default=True)
@click.option("--per-day", type=click.IntRange(min=1), default=DEFAULT_LIMITS["perDay"], show_default=True)
@click.option(
    "--new-per-day",
    type=click.IntRange(min=1),
    default=DEFAULT_LIMITS["newConversationsPerDay"],
    show_default=True,
    help="People written to for the first time, a day.",
)
@click.option(
    "--checks-per-second",
    type=click.FloatRange(min=0, min_open=True),
    help="Availability questions a second.  [AVAILABILITY_RATE_PER_LINE]",
)
@click.option("--no-check", is_flag=True, help="Write the line down without asking its server.")
@with_app
def add(
    app: App,
    *,
    provider: str,
    url: str,
    password_stdin: bool,
    api_key_id: str | None,
    workspace: str,
    name: str | None,
    address: str,
    per_minute: int,
    per_day: int,
    new_per_day: int,
    checks_per_second: float | None,
    no_check: bool,
) -> None:
    """Add a line, or replace the workspace's line at the same address.

    The password is read from standard input, never from the command line, and kept encrypted (CREDENTIALS_KEY).

    \b
    tuco-jobs line add --url https://mac.example.com --password-stdin --workspace acme < password.txt
    """
    server_url = read_server_url(url)
    if provider == "sendblue" and not api_key_id:
        raise BadInput("Sendblue needs --api-key-id beside the secret key.")
    database, vault = app.database(), app.vault()
    secret = _read_secret(from_stdin=password_stdin)
    credentials = (
        {"password": secret} if provider == "bluebubbles" else {"apiKeyId": api_key_id or "", "apiSecretKey": secret}
    )
    checked = None
    if not no_check:
        candidate = ObjectId()
        checked = check_line(
            Line(
                line_id=str(candidate),
                workspace_id=workspace,
                provider=provider,
                server_url=server_url,
                credentials=vault.seal(credentials, record=line_record(str(candidate))),
            ),
            vault,
            timeout=timedelta(milliseconds=app.environment.settings().provider_timeout_ms),
        )
    limits = {"perMinute": per_minute, "perDay": per_day, "newConversationsPerDay": new_per_day}
    line_id, created = save_line(
        database,
        vault,
        NewLine(
            workspace_id=workspace,
            provider=provider,
            server_url=server_url,
            credentials=credentials,
            name=name or urlsplit(server_url).netloc,
            address=address,
            limits=limits if checks_per_second is None else {**limits, "checksPerSecond": checks_per_second},
            health=_health(checked),
        ),
    )
    app.output.answer(
        {"lineId": line_id, "created": created, "checked": checked is not None},
        facts(
            {
                "line": line_id,
                "": "added" if created else "replaced: this workspace had a line at that address",
                "server": _server_in_words(checked),
            }
        ),
    )


@line.command("list")
@click.option("--workspace", metavar="ID", help="Only this workspace's lines.")
@with_app
def list_(app: App, *, workspace: str | None) -> None:
    """List the lines, without their secrets."""
    _show_lines(app, workspace)


@click.command()
@click.option("--workspace", metavar="ID", help="Only this workspace's lines.")
@with_app
def lines(app: App, *, workspace: str | None) -> None:
    """List the lines with their health: the same as `line list`."""
    _show_lines(app, workspace)


def _show_lines(app: App, workspace: str | None) -> None:
    found = list_lines(app.database(), workspace)
    view = table("id", "workspace", "name", "provider", "server", "status", "health", "why", "limits")
    for each in found:
        view.add_row(
            each.id,
            plain(each.workspace_id),
            plain(each.name),
            plain(each.provider),
            plain(each.server_url),
            plain(each.status),
            plain(each.health),
            plain(each.reason, longest=120),
            limits_in_words(each.limits),
        )
    nothing = "There are no lines yet. Add one with: tuco-jobs line add --url URL --password-stdin --workspace ID"
    app.output.answer({"lines": msgspec.to_builtins(found)}, view if found else nothing)


def limits_in_words(limits: Mapping[str, object]) -> str:
    """What a line may bear, on one line: ``20/min, 500/day``."""
    units = {
        "perMinute": "/min",
        "perDay": "/day",
        "newConversationsPerDay": " new/day",
        "checksPerSecond": " checks/s",
    }
    return ", ".join(f"{plain(limits[name])}{unit}" for name, unit in units.items() if limits.get(name)) or "-"


def read_server_url(url: str) -> str:
    """A server's base address as lines keep it: no trailing slash, no API path, no secret.

    Raises:
        BadInput: it is no such address.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise BadInput(f"--url is no address: {error}.") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise BadInput("--url should look like https://mac.example.com:1234.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise BadInput(
            "--url holds more than an address.", "Leave out user, password and query: the password comes on stdin."
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix(_API_PATH)}"


def _read_secret(*, from_stdin: bool) -> str:
    if not from_stdin:
        if not sys.stdin.isatty():
            raise BadInput("The password is missing.", "Give it on standard input, and say so with --password-stdin.")
        secret: str = click.prompt("Password", hide_input=True, err=True)
        return secret
    secret = sys.stdin.readline(_LONGEST_SECRET + 1).rstrip("\r\n")
    if not secret:
        raise BadInput("Standard input holds no password.")
    if len(secret) > _LONGEST_SECRET:
        raise BadInput(f"The password is longer than {_LONGEST_SECRET} letters.")
    return secret


def _health(checked: Checked | None) -> Mapping[str, object] | None:
    if checked is None:
        return None
    return {
        "status": HealthStatus.UP.value,
        "checkedAt": datetime.now(UTC),
        "latencyMs": checked.latency_ms,
        "consecutiveFailures": 0,
    }


def _server_in_words(checked: Checked | None) -> str:
    if checked is None:
        return "not asked (--no-check)"
    version = f"version {checked.report.version}, " if checked.report.version else ""
    return f"{version}answers in {checked.latency_ms} ms and is able to work"
