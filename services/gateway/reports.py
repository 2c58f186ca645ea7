"""What a provider's report does: a message's state follows it, and a reply that means stop is an opt-out."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from bson import ObjectId

from libs.common.clock import Clock
from libs.common.errors import InvalidInput
from libs.common.logging import get_logger
from libs.common.messages.opt_out import means_stop
from libs.common.messages.recipient import normal_recipient
from libs.common.providers.bluebubbles.reports import read_report as read_bluebubbles
from libs.common.providers.reports import Report, ReportKind
from libs.common.providers.sendblue.reports import read_report as read_sendblue
from libs.common.stores.lines import LineStore
from libs.common.stores.message_desk import MessageDesk
from libs.common.stores.stops import StopStore
from libs.common.webhook_secrets import WebhookSecrets

log = get_logger(__name__)

_READERS: Final[Mapping[str, Callable[[bytes], Report | None]]] = {
    "bluebubbles": read_bluebubbles,
    "sendblue": read_sendblue,
}
_PREFIX: Final = "tuco-"


class Reports:
    """Takes reports.

    Args:
        secrets: recognises who reports.
        lines: knows whose a line is.
        desk: takes reports about messages.
        stops: takes opt-outs.
        clock: tells the time.
        region: where phone numbers without a country code are read.
    """

    def __init__(
        self,
        secrets: WebhookSecrets,
        lines: LineStore,
        desk: MessageDesk,
        stops: StopStore,
        *,
        clock: Clock,
        region: str,
    ) -> None:
        self._secrets = secrets
        self._lines = lines
        self._desk = desk
        self._stops = stops
        self._clock = clock
        self._region = region

    def is_allowed(self, line_id: str, secret: str) -> bool:
        """Whether a report about a line may be taken."""
        return self._secrets.is_good(line_id, secret)

    def take(self, provider: str, line_id: str, body: bytes, *, reference: str | None) -> bool:
        """Takes a report; answers whether it changed anything.

        Args:
            provider: whose protocol the body is in.
            line_id: the line that it is about.
            body: as it came.
            reference: our name for the message, where the call itself carries it.

        Raises:
            InvalidInput: nobody speaks this protocol, the line is no line of it, or the body is none of its reports.
            StoreUnavailable: MongoDB is away; the provider may try again.
        """
        read = _READERS.get(provider)
        line = next(iter(self._lines.by_ids([line_id])), None) if ObjectId.is_valid(line_id) else None
        if read is None or line is None or line.provider != provider:
            raise InvalidInput("provider", "there is no such line of this provider")
        try:
            report = read(body)
        except msgspec.DecodeError as error:
            raise InvalidInput("body", f"is no report of {provider}: {error}") from error
        if report is None:
            return False
        if report.kind is ReportKind.INBOUND:
            return self._came_in(line.workspace_id, report)
        return self._about_a_message(line_id, report, reference or report.reference)

    def _about_a_message(self, line_id: str, report: Report, reference: str | None) -> bool:
        name = report.provider_message_id
        if name is None:
            return False
        changed = False
        if report.kind is not ReportKind.FAILED and (message_id := _message_of(reference)):
            changed = self._desk.went_out(message_id, line_id=line_id, provider_message_id=name)
        if report.kind is ReportKind.DELIVERED:
            changed |= self._desk.delivered(line_id=line_id, provider_message_id=name, at=report.at)
        if report.kind is ReportKind.FAILED:
            changed = self._desk.failed_after_all(line_id=line_id, provider_message_id=name, error=report.error)
        if changed:
            log.info("message.reported", kind=report.kind.value, line_id=line_id, provider_message_id=name)
        return changed

    def _came_in(self, workspace_id: str, report: Report) -> bool:
        if not (report.opted_out or means_stop(report.text)):
            return False
        handle = normal_recipient(report.sender, region=self._region)
        if handle is None:
            log.warning("opt_out.sender_unreadable", workspace_id=workspace_id)
            return False
        leads = self._stops.opt_out(workspace_id, handle, now=self._clock.now())
        log.warning("recipient.opted_out", workspace_id=workspace_id, leads=leads)
        return True


def _message_of(reference: str | None) -> str | None:
    """The id of the message that a reference of ours names."""
    message_id = (reference or "").removeprefix(_PREFIX)
    return message_id if ObjectId.is_valid(message_id) else None
