"""Messages of which nobody knows whether they went out: a person decides."""

from typing import Final

from bson import ObjectId
from flask import Blueprint, Response, request, url_for
from werkzeug.exceptions import BadRequest, NotFound

from libs.common.stores.message_desk import Resolution
from services.gateway.auth import Scope, needs
from services.gateway.dashboard.access import NAME
from services.gateway.dashboard.deciding import who
from services.gateway.dashboard.parts import Parts
from services.gateway.dashboard.rendering import page
from services.gateway.dashboard.said import back_to

_SHOWN: Final = 100
_TOLD: Final = {
    Resolution.RESEND: "The message is queued and will be sent once more.",
    Resolution.MARK_SENT: "The message counts as sent.",
    Resolution.MARK_FAILED: "The message counts as failed and will not be sent.",
}


def add_messages(pages: Blueprint, parts: Parts) -> None:
    """Adds the page of the uncertain messages."""

    @pages.get("/messages")
    @needs(Scope.SERVICE)
    def messages() -> Response:
        return page(parts, "messages.html", rows=parts.messages.uncertain(None, limit=_SHOWN), most=_SHOWN)

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
        return back_to(
            url_for(f"{NAME}.messages"), _TOLD[resolution] if decided else "Somebody has decided that already."
        )
