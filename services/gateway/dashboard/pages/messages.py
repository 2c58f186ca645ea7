"""Messages: finding them, what happened to each, and deciding about those of which nobody knows if they went out."""

from typing import Final

from bson import ObjectId
from flask import Blueprint, Response, request, url_for
from werkzeug.exceptions import BadRequest, NotFound

from libs.common.messages.model import Message
from libs.common.messages.recipient import normal_recipient
from libs.common.messages.states import MessageStatus
from libs.common.stores.message_desk import Resolution
from libs.common.stores.message_search import Shelf
from services.gateway.auth import Scope, bound_workspace, needs
from services.gateway.dashboard.access import NAME, workspace_asked
from services.gateway.dashboard.deciding import who
from services.gateway.dashboard.facts import unless_away
from services.gateway.dashboard.message_steps import steps_of
from services.gateway.dashboard.parts import Parts
from services.gateway.dashboard.rendering import page
from services.gateway.dashboard.said import back_to

_SHOWN: Final = 50
_LONGEST: Final = 200
_TOLD: Final = {
    Resolution.RESEND: "The message is queued and will be sent once more.",
    Resolution.MARK_SENT: "The message counts as sent.",
    Resolution.MARK_FAILED: "The message counts as failed and will not be sent.",
}
_RESOLUTIONS: Final = {
    MessageStatus.UNCERTAIN: (Resolution.MARK_SENT, Resolution.RESEND, Resolution.MARK_FAILED),
    MessageStatus.FAILED: (Resolution.RESEND,),
}
"""What may be decided about a message, by where it is."""


def add_messages(pages: Blueprint, parts: Parts) -> None:
    """Adds the pages of messages."""

    @pages.get("/messages")
    @needs(Scope.SERVICE, for_workspaces=True)
    def messages() -> Response:
        workspace = workspace_asked()
        recipient = request.args.get("to", "").strip()[:_LONGEST]
        shelf = _shelf(request.args.get("show", ""))
        rows = (
            parts.search.to(_forms(recipient, parts.region), workspace, limit=_SHOWN)
            if recipient
            else parts.search.on(shelf, workspace, limit=_SHOWN)
        )
        return page(
            parts,
            "messages.html",
            rows=rows,
            most=_SHOWN,
            shelves=tuple(Shelf),
            shelf=None if recipient else shelf,
            recipient=recipient,
            resolutions=_RESOLUTIONS,
            uncertain=parts.messages.count_uncertain(workspace, most=_SHOWN),
            workspace_filter=None if bound_workspace() else workspace,
        )

    @pages.get("/messages/<message_id>")
    @needs(Scope.SERVICE, for_workspaces=True)
    def message(message_id: str) -> Response:
        record = parts.search.record(message_id)
        if record is None or bound_workspace() not in (None, record.message.workspace_id):
            raise NotFound(f"There is no message {message_id[:80]!r}.")
        job_id = record.message.job_id
        job = unless_away(lambda: parts.find(job_id), None) if job_id else None
        return page(
            parts,
            "message.html",
            message=record.message,
            explained=parts.messages.explain(message_id),
            steps=steps_of(record, job),
            job=job,
            resolutions=_RESOLUTIONS.get(record.message.status, ()),
            ended=_has_ended(record.message),
        )

    @pages.post("/messages/<message_id>")
    @needs(Scope.ADMIN)
    def decide_message(message_id: str) -> Response:
        if not ObjectId.is_valid(message_id):
            raise NotFound("There is no such message.")
        try:
            resolution = Resolution(request.form.get("resolution", ""))
        except ValueError as error:
            raise BadRequest("There is no such decision.") from error
        decided = parts.messages.resolve(message_id, resolution, by=who())
        told = _TOLD[resolution] if decided else "Somebody has decided that already."
        stays = request.form.get("from") == "message"
        address = url_for(f"{NAME}.message", message_id=message_id) if stays else url_for(f"{NAME}.messages")
        return back_to(address, told)


def _shelf(name: str) -> Shelf:
    try:
        return Shelf(name) if name else Shelf.UNCERTAIN
    except ValueError as error:
        raise BadRequest("There is no such list of messages.") from error


def _forms(recipient: str, region: str) -> list[str]:
    """The forms in which a recipient may be written in a message: as given, and as every handle is made."""
    normal = normal_recipient(recipient, region=region)
    return [recipient] if normal in (None, recipient) else [recipient, str(normal)]


def _has_ended(message: Message) -> bool:
    return message.status in (MessageStatus.DELIVERED, MessageStatus.CANCELLED, MessageStatus.FAILED)
