"""`tuco-jobs enqueue`: hand the gateway one job."""

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from libs.cli.app import App, with_app
from libs.cli.commands.job import show_job
from libs.cli.completing import complete_job_type
from libs.cli.failures import BadInput, CommandFailed
from libs.cli.jobs import FINAL_STATES, result_view

_LARGEST_BYTES = 64 * 1024 * 1024


@click.command()
@click.argument("job_type", shell_complete=complete_job_type)
@click.option("--data", required=True, metavar="JSON|@FILE|-", help="The payload: JSON, a file of it, or - for stdin.")
@click.option("--idempotency-key", metavar="TEXT", help="A second request with the same key meets the first one's job.")
@click.option("--priority", type=click.IntRange(min=0), help="1 runs first, larger numbers later; 0: none.")
@click.option("--delay-ms", type=click.IntRange(min=0), help="Milliseconds before the job may start.")
@click.option("--follow", is_flag=True, help="Stay until the job has ended; exit status 1 if it fails.")
@with_app
def enqueue(
    app: App,
    *,
    job_type: str,
    data: str,
    idempotency_key: str | None,
    priority: int | None,
    delay_ms: int | None,
    follow: bool,
) -> None:
    """Enqueue a job of JOB_TYPE.

    \b
    tuco-jobs enqueue bulk-availability-check --data @leads.json --follow
    """
    payload = read_payload(data)
    options = {name: value for name, value in (("priority", priority), ("delayMs", delay_ms)) if value is not None}
    with app.gateway() as gateway:
        answer = gateway.enqueue(job_type, payload, options=options, idempotency_key=idempotency_key)
        if follow and answer.get("status") not in FINAL_STATES:
            app.output.note(f"job {answer.get('jobId')} is queued")
            show_job(app, gateway, str(answer.get("jobId")), follow=True)
            return
    app.output.answer(answer, result_view(answer))
    if answer.get("status") in FINAL_STATES - {"completed"}:
        raise CommandFailed("The job has run and failed.")


def read_payload(data: str) -> dict[str, Any]:
    """The payload that ``--data`` names: JSON, ``@FILE`` or ``-`` for standard input.

    Raises:
        BadInput: it cannot be read, or is no JSON object.
    """
    where, text = "--data", data.encode()
    if data == "-":
        where, text = "standard input", sys.stdin.buffer.read(_LARGEST_BYTES + 1)
    elif data.startswith("@"):
        where, text = data[1:], _read_file(Path(data[1:]))
    if len(text) > _LARGEST_BYTES:
        raise BadInput(f"{where} is larger than a job may be ({_LARGEST_BYTES // 1024 // 1024} MiB).")
    try:
        payload = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise BadInput(f"{where} is not JSON: {error}.", """It should look like '{"messageId": "..."}'.""") from error
    if not isinstance(payload, dict):
        raise BadInput(f'{where} should be a JSON object, such as {{"messageId": "..."}}.')
    return payload


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error
