"""`tuco-jobs leads`: bring leads from a file into a workspace."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import click
import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from libs.cli.app import App, with_app
from libs.cli.failures import BadInput, CommandFailed
from libs.cli.leads_file import Columns, LeadRow, RefusedRow, UnusableFileError, read_headings, read_leads
from libs.cli.leads_store import write_leads
from libs.cli.output import facts, plain, table

_REFUSALS_SHOWN = 20
_REFUSALS_KEPT = 1_000
_LONGEST_HEADINGS = 64 * 1024


class ImportReport(msgspec.Struct, kw_only=True, rename="camel"):
    """What an import did."""

    workspace_id: str
    rows: int = 0
    created: int = 0
    already_there: int = 0
    without_contact: int = 0
    refused: int = 0
    ignored_columns: Sequence[str] = ()
    refusals: list[dict[str, Any]] = msgspec.field(default_factory=list)
    """The first thousand refused rows: their number and the reason."""


@click.group()
def leads() -> None:
    """Leads of a workspace."""


@leads.command("import")
@click.argument("path", metavar="FILE.csv", type=click.Path(path_type=Path))
@click.option("--workspace", required=True, metavar="ID", help="The workspace that the leads will belong to.")
@click.option(
    "--region", metavar="CC", help="Where phone numbers without a country code are at home.  [DEFAULT_REGION]"
)
@click.option(
    "--refused",
    "refused_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write every refused row here as CSV, with its reason.",
)
@with_app
def import_leads(app: App, *, path: Path, workspace: str, region: str | None, refused_path: Path | None) -> None:
    """Import leads from a CSV file.

    The first line names the columns: firstName, lastName, email, phone, in any order and in most people's wording.
    Rows that are no leads are reported and left out, the others are imported; then the exit status is 1. Importing a
    file again changes nothing.
    """
    region = _region(region or app.environment.settings().default_region)
    with ExitStack() as stack:
        file = stack.enter_context(_open(path))
        columns = _headings(path, file)
        database = app.database()
        report = ImportReport(workspace_id=workspace, ignored_columns=columns.ignored)
        refused_file = stack.enter_context(_create(refused_path)) if refused_path else None
        accepted = _sorted_out(read_leads(file, columns, region=region), report, columns, refused_file)
        for written in write_leads(database, workspace, accepted, at=datetime.now(UTC)):
            report.created += written.created
            report.already_there += written.known
            app.output.detail(f"{report.created + report.already_there:,} rows written")
    app.output.answer(report, _view(report, refused_path))
    if report.refused:
        raise CommandFailed(
            f"{report.refused:,} of {report.rows:,} rows were refused.",
            "Mend them and import the file again: what is there already stays as it is.",
        )


def _sorted_out(
    rows: Iterable[LeadRow | RefusedRow], report: ImportReport, columns: Columns, refused_file: TextIO | None
) -> Iterator[LeadRow]:
    writer = csv.writer(refused_file, delimiter=columns.delimiter) if refused_file else None
    if writer:
        writer.writerow([*columns.headings, "row", "reason"])
    for row in rows:
        report.rows += 1
        if isinstance(row, LeadRow):
            report.without_contact += not (row.email or row.phone)
            yield row
            continue
        report.refused += 1
        if len(report.refusals) < _REFUSALS_KEPT:
            report.refusals.append({"row": row.number, "reason": row.reason})
        if writer:
            filler = [""] * (len(columns.headings) - len(row.cells))
            writer.writerow([*row.cells[: len(columns.headings)], *filler, row.number, row.reason])


def _view(report: ImportReport, refused_path: Path | None) -> RenderableType:
    parts: list[RenderableType] = [
        facts(
            {
                "workspace": report.workspace_id,
                "rows read": f"{report.rows:,}",
                "new leads": f"{report.created:,}",
                "already there": f"{report.already_there:,}",
                "without phone or email": f"{report.without_contact:,}" if report.without_contact else None,
                "refused": f"{report.refused:,}",
                "ignored columns": ", ".join(report.ignored_columns) or None,
            }
        )
    ]
    if report.refusals:
        refused = table("row", "reason", numbers=("row",))
        for refusal in report.refusals[:_REFUSALS_SHOWN]:
            refused.add_row(str(refusal["row"]), plain(refusal["reason"], longest=300))
        parts += ["", refused]
    if report.refused > _REFUSALS_SHOWN:
        rest = f"... and {report.refused - _REFUSALS_SHOWN:,} more"
        parts.append(
            Text(f"{rest}, all in {refused_path}" if refused_path else f"{rest}; --refused FILE writes them all")
        )
    return Group(*parts)


def _open(path: Path) -> TextIO:
    try:
        # A cell that is not UTF-8 refuses its row, not the file.
        return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error


def _create(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8", errors="surrogateescape", newline="")
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}.") from error


def _headings(path: Path, file: TextIO) -> Columns:
    try:
        return read_headings(file.readline(_LONGEST_HEADINGS))
    except IsADirectoryError as error:
        raise BadInput(f"{path} is a folder.") from error
    except UnusableFileError as error:
        raise BadInput(f"{path} cannot be imported: {error}.") from error


def _region(text: str) -> str:
    if len(text) != 2 or not text.isascii() or not text.isalpha():
        raise BadInput(f"--region {plain(text, longest=20)!r} is no country.", "Use two letters, such as US or DE.")
    return text.upper()
