"""Asking a line's server how it is before the line is written down, and what to do where it is not well."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from libs.cli.failures import BadInput, CommandFailed, Failure, Unreachable
from libs.common.credentials import CredentialsVault
from libs.common.http import async_client
from libs.common.providers.checking import LineReport
from libs.common.providers.errors import FaultReason, LineFault
from libs.common.providers.registry import checker_for
from libs.common.providers.sure_transport import SureTransport
from libs.common.stores.lines import Line


@dataclass(frozen=True, slots=True)
class Checked:
    """A server that is well.

    Args:
        report: what it says of itself.
        latency_ms: how long it took to answer.
    """

    report: LineReport
    latency_ms: int


def check_line(line: Line, vault: CredentialsVault, *, timeout: timedelta) -> Checked:
    """Ask the server, once.

    Args:
        line: with its credentials sealed.
        vault: opens them.
        timeout: how long the answer may take.

    Raises:
        Unreachable: no answer.
        BadInput: the address or the credentials are wrong.
        CommandFailed: it answers, but can do no work as it is.
    """
    began = time.monotonic()
    try:
        report = asyncio.run(_report(line, vault, timeout))
    except LineFault as fault:
        raise explain(fault.reason, line.server_url) from fault
    if not report.able:
        raise CommandFailed(
            f"The server at {line.server_url} answers, but can do no work yet: {report.problem}.",
            "Mend that on the server and run this again. To write the line down as it is: --no-check",
        )
    return Checked(report, int((time.monotonic() - began) * 1000))


async def _report(line: Line, vault: CredentialsVault, timeout: timedelta) -> LineReport:  # noqa: ASYNC109 - the client's own
    transport = SureTransport(async_client(timeout=timeout))
    try:
        return await checker_for(line, transport, vault).report()
    finally:
        await transport.close()


def explain(reason: FaultReason, url: str) -> Failure:
    """Why a server did not answer, and what a person can do about it."""
    kind, problem, hint = _WORDS.get(reason, _OTHERWISE)
    return kind(f"{problem.format(url=url)} ({reason})", hint)


_NO_ANSWER = "Is the server running, and the address right? To write the line down without asking: --no-check"
_OTHERWISE: tuple[type[Failure], str, str] = (
    CommandFailed,
    "The server at {url} could not answer.",
    "Its own log may say why. To write the line down as it is: --no-check",
)
_WORDS: Mapping[FaultReason, tuple[type[Failure], str, str]] = {
    FaultReason.REFUSED: (Unreachable, "Nothing answers at {url}.", _NO_ANSWER),
    FaultReason.TIMEOUT: (Unreachable, "The server at {url} did not answer in time.", _NO_ANSWER),
    FaultReason.CONNECTION_LOST: (Unreachable, "The connection to {url} broke.", _NO_ANSWER),
    FaultReason.GATEWAY_ERROR: (
        Unreachable,
        "A proxy answers at {url}, but the server behind it is away.",
        _NO_ANSWER,
    ),
    FaultReason.AUTHENTICATION: (
        BadInput,
        "The server at {url} refuses the password.",
        "On the Mac, BlueBubbles shows it under Settings, Server Password. Give it with --password-stdin.",
    ),
    FaultReason.NOT_FOUND: (
        BadInput,
        "What answers at {url} is no server of this provider.",
        "Give the address as the provider shows it, without a path such as /api/v1.",
    ),
    FaultReason.NOT_UNDERSTOOD: (
        BadInput,
        "What answers at {url} does not speak this provider's protocol.",
        "Is this the server's own address, and not a web page in front of it?",
    ),
    FaultReason.RATE_LIMITED: (Unreachable, "The server at {url} asks for fewer calls.", "Try again in a minute."),
}
