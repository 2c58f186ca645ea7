"""`tuco-jobs integration`: connect a workspace's CRM, or anyone's stand-in for one; list what is connected."""

import sys
from datetime import UTC, datetime

import click
from rich.console import Group

from libs.cli.app import App, with_app
from libs.cli.commands.line import read_server_url
from libs.cli.failures import BadInput, CommandFailed
from libs.cli.integrations import read_all_settings, read_credentials, read_map
from libs.cli.output import facts, plain, table
from libs.common.errors import InvalidInput
from libs.common.integrations.model import Integration, MatchBy, Provider
from libs.common.stores.integrations import IntegrationStore, NewIntegration

_LONGEST_CREDENTIALS = 64 * 1024


@click.group()
def integration() -> None:
    """Integrations: the CRMs that bring a workspace's leads."""


@integration.command()
@click.option("--provider", type=click.Choice([str(each) for each in Provider]), required=True)
@click.option("--workspace", required=True, metavar="ID", help="The workspace that the leads will belong to.")
@click.option("--credentials-stdin", is_flag=True, required=True, help="Read the credentials from standard input.")
@click.option("--url", default="", help="The API's address, where it is not the provider's own.")
@click.option("--name", default="", metavar="TEXT", help="How people call it.")
@click.option("--map", "mapped", multiple=True, metavar="FIELD=SOURCE[,SOURCE]", help="Such as phone=Mobile,Phone.")
@click.option("--region", default="", metavar="CC", help="Where phone numbers without a country code are at home.")
@click.option(
    "--match-by",
    multiple=True,
    type=click.Choice([str(each) for each in MatchBy]),
    help="What may tell that a row is a known lead.  [both]",
)
@click.option("--schedule", default="", metavar="CRON", help="Five fields; it then syncs by itself.")
@click.option("--timezone", default="", metavar="TEXT", help="The IANA time zone of --schedule.  [UTC]")
@click.option("--object", "object_", default="", metavar="TEXT", help="Salesforce: Contact or Lead.  [Contact]")
@click.option("--spreadsheet", default="", metavar="ID", help="Google Sheets: the id in the spreadsheet's address.")
@click.option("--sheet", default="", metavar="TEXT", help="Google Sheets: the sheet's name.  [the first]")
@click.option("--key-column", default="", metavar="TEXT", help="Google Sheets: what identifies a row.  [phone, email]")
@click.option("--setting", "pairs", multiple=True, metavar="NAME=JSON", help="Any other setting.")
@with_app
def add(
    app: App,
    *,
    provider: str,
    workspace: str,
    credentials_stdin: bool,  # noqa: ARG001 - there is no other way, and scripts should say so
    url: str,
    name: str,
    mapped: tuple[str, ...],
    region: str,
    match_by: tuple[str, ...],
    schedule: str,
    timezone: str,
    object_: str,
    spreadsheet: str,
    sheet: str,
    key_column: str,
    pairs: tuple[str, ...],
) -> None:
    """Connect a CRM to a workspace.

    Credentials come as one JSON object on standard input, never on the command line, and are kept encrypted
    (CREDENTIALS_KEY). A HubSpot private app's token may stand alone, a Google service account's key file as it is.

    \b
    tuco-jobs integration add --provider hubspot --workspace acme --credentials-stdin < token.txt
    """
    chosen = Provider(provider)
    if chosen is Provider.GOOGLE_SHEETS and not spreadsheet:
        raise BadInput("A sheet needs --spreadsheet: the id in the spreadsheet's address.")
    settings = read_all_settings(
        {
            "baseUrl": read_server_url(url) if url else "",
            "region": region.upper(),
            "matchBy": list(match_by) or None,
            "schedule": schedule,
            "timezone": timezone,
            "object": object_,
            "spreadsheetId": spreadsheet,
            "sheet": sheet,
            "keyColumn": key_column,
        },
        pairs,
    )
    field_map = read_map(mapped)
    store = IntegrationStore(app.database(), app.vault())
    credentials = _credentials(chosen)
    try:
        integration_id = store.add(
            NewIntegration(
                workspace_id=workspace,
                provider=chosen,
                credentials=credentials,
                name=name,
                field_map=field_map,
                settings=settings,
            ),
            at=datetime.now(UTC),
        )
    except InvalidInput as error:
        raise BadInput(f"{error}.") from error
    app.output.answer(
        {"integrationId": integration_id},
        facts(
            {
                "integration": integration_id,
                "see what a sync would do": f"tuco-jobs sync {integration_id} --mode dryRun --follow",
                "sync it": f"tuco-jobs sync {integration_id} --follow",
            }
        ),
    )


@integration.command()
@click.argument("integration_id", metavar="ID")
@click.option("--credentials-stdin", is_flag=True, required=True, help="Read the credentials from standard input.")
@with_app
def renew(app: App, *, integration_id: str, credentials_stdin: bool) -> None:  # noqa: ARG001 - see add
    """Give an integration new credentials, and let it sync again."""
    store = IntegrationStore(app.database(), app.vault())
    found = find_integration(store, integration_id)
    try:
        store.replace_credentials(found.id, _credentials(found.provider), at=datetime.now(UTC))
    except InvalidInput as error:
        raise BadInput(f"{error}.") from error
    app.output.answer({"integrationId": found.id}, "The new credentials are kept. The integration is active.")


@integration.command("list")
@click.option("--workspace", metavar="ID", help="Only this workspace's integrations.")
@with_app
def list_(app: App, *, workspace: str | None) -> None:
    """List the integrations, without their secrets."""
    found = IntegrationStore(app.database(), app.vault()).list_all(workspace)
    view = table("id", "workspace", "provider", "name", "status", "last sync", "needs")
    for each in found:
        view.add_row(
            each.id,
            plain(each.workspace_id),
            str(each.provider),
            plain(each.name, longest=60),
            str(each.status),
            f"{each.last_sync_at:%Y-%m-%d %H:%M}" if each.last_sync_at else "never",
            plain(each.status_reason, longest=120),
        )
    nothing = "There are no integrations yet. Add one with: tuco-jobs integration add"
    app.output.answer({"integrations": [_shown(each) for each in found]}, view if found else nothing)


@integration.command()
@click.argument("integration_id", metavar="ID")
@with_app
def check(app: App, *, integration_id: str) -> None:
    """Ask the CRM now whether it lets us in, and which fields it has; exit status 1 where it cannot be read."""
    with app.gateway() as gateway:
        answer = gateway.check_integration(integration_id)
    fills: dict[str, list[str]] = {}
    for target, sources in answer.get("mapped", {}).items():
        for source in sources:
            fills.setdefault(source, []).append(target)
    view = table("field", "label", "type", "fills")
    for each in answer.get("fields", ()):
        named = plain(each["name"], longest=60)
        view.add_row(
            named, plain(each["label"], longest=60), plain(each["kind"]), ", ".join(fills.get(each["name"], ()))
        )
    outcome = facts({"account": answer.get("account") or None, "outcome": answer.get("outcome")})
    app.output.answer(answer, Group(outcome, view) if answer.get("fields") else outcome)
    if answer.get("outcome") != "ok":
        raise CommandFailed(f"{plain(answer.get('reason'))}.")


@integration.command()
@click.argument("integration_id", metavar="ID")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True, help="How many.")
@with_app
def runs(app: App, *, integration_id: str, limit: int) -> None:
    """List an integration's runs, the latest first."""
    with app.gateway() as gateway:
        answer = gateway.runs(integration_id, limit=limit)
    numbers = ("fetched", "created", "updated", "unchanged", "failed", "removed")
    view = table("run", "mode", "status", "began", *numbers, "why", numbers=numbers)
    for each in answer["runs"]:
        view.add_row(
            each["runId"],
            each["mode"],
            each["status"],
            plain(each["startedAt"])[:16].replace("T", " "),
            *(f"{each['counts'].get(name, 0):,}" for name in numbers),
            plain(each.get("error", ""), longest=120),
        )
    nothing = f"There was no run yet. Begin one with: tuco-jobs sync {plain(integration_id, longest=80)}"
    app.output.answer(answer, view if answer["runs"] else nothing)


@integration.command()
@click.argument("integration_id", metavar="ID")
@with_app
def remove(app: App, *, integration_id: str) -> None:
    """Take an integration away, with its credentials and its schedule; its leads stay."""
    with app.gateway() as gateway:
        answer = gateway.remove_integration(integration_id)
    cancelled = answer.get("cancelledJobId")
    app.output.answer(
        answer, "It is gone. Its leads are still there." + (" Its sync was cancelled." if cancelled else "")
    )


def find_integration(store: IntegrationStore, integration_id: str) -> Integration:
    """An integration by its id.

    Raises:
        BadInput: there is none.
    """
    found = store.get(integration_id)
    if found is None:
        raise BadInput(
            f"There is no integration {plain(integration_id, longest=80)}.", "See them with: tuco-jobs integration list"
        )
    return found


def _shown(found: Integration) -> dict[str, object]:
    return {
        "integrationId": found.id,
        "workspaceId": found.workspace_id,
        "provider": str(found.provider),
        "name": found.name,
        "status": str(found.status),
        "statusReason": found.status_reason,
        "lastSyncAt": found.last_sync_at,
    }


def _credentials(provider: Provider) -> dict[str, str]:
    text = sys.stdin.read(_LONGEST_CREDENTIALS + 1)
    if len(text) > _LONGEST_CREDENTIALS:
        raise BadInput(f"The credentials are longer than {_LONGEST_CREDENTIALS // 1024} KiB.")
    return read_credentials(provider, text)
