"""`POST /api/webhooks/{provider}/{lineId}`: what providers report, verified by the line's secret.

The secret comes in the path (``.../{lineId}/{secret}``, for providers that sign nothing) or in a header:
``sb-signing-secret`` as Sendblue sends it (docs.sendblue.com, "Webhook secrets"), or ``x-webhook-secret``.
"""

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge, Unauthorized

from services.gateway.answers import json_answer
from services.gateway.auth import Scope, needs
from services.gateway.reports import Reports

_MOST_BYTES = 256 * 1024
_HEADERS = ("sb-signing-secret", "x-webhook-secret")


def webhooks_routes(reports: Reports) -> Blueprint:
    """The routes that providers call."""
    routes = Blueprint("webhooks", __name__)

    @routes.post("/<provider>/<line_id>")
    @needs(Scope.OPEN)
    def with_header(provider: str, line_id: str) -> Response:
        secret = next((request.headers[name] for name in _HEADERS if name in request.headers), "")
        return _take(provider, line_id, secret)

    @routes.post("/<provider>/<line_id>/<secret>")
    @needs(Scope.OPEN)
    def with_path(provider: str, line_id: str, secret: str) -> Response:
        return _take(provider, line_id, secret)

    def _take(provider: str, line_id: str, secret: str) -> Response:
        if not reports.is_allowed(line_id, secret):
            raise Unauthorized("The secret is not this line's.")
        if (request.content_length or 0) > _MOST_BYTES:
            raise RequestEntityTooLarge(f"body: expected at most {_MOST_BYTES} bytes")
        changed = reports.take(provider, line_id, request.get_data(), reference=request.args.get("message"))
        return json_answer({"changed": changed})

    return routes
