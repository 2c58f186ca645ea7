"""`POST /api/webhooks/{provider}/{lineId}`: what providers report, verified by the line's secret.

The secret comes in the path (``.../{lineId}/{secret}``, for providers that sign nothing) or in a header:
``sb-signing-secret`` as Sendblue sends it (docs.sendblue.com, "Webhook secrets"), or ``x-webhook-secret``.
"""

import msgspec
from flask import Response, request
from werkzeug.exceptions import RequestEntityTooLarge, Unauthorized

from services.gateway.answers import json_answer
from services.gateway.auth import Scope
from services.gateway.declaring import Routes
from services.gateway.reports import Reports

_MOST_BYTES = 256 * 1024
_REFUSALS = (400, 401, 404, 413, 422)
_HEADERS = ("sb-signing-secret", "x-webhook-secret")


class ReportTaken(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a report changed a message."""

    changed: bool


def webhooks_routes(reports: Reports) -> Routes:
    """The routes that providers call."""
    routes = Routes("webhooks")

    @routes.declare(
        "POST",
        "/<provider>/<line_id>",
        scope=Scope.OPEN,
        summary="What a provider reports of a line, its secret in a header",
        answers={200: ReportTaken},
        problems=_REFUSALS,
        audited=False,
    )
    def with_header(provider: str, line_id: str) -> Response:
        secret = next((request.headers[name] for name in _HEADERS if name in request.headers), "")
        return _take(provider, line_id, secret)

    @routes.declare(
        "POST",
        "/<provider>/<line_id>/<secret>",
        scope=Scope.OPEN,
        summary="What a provider reports of a line, its secret in the address",
        answers={200: ReportTaken},
        problems=_REFUSALS,
        audited=False,
    )
    def with_path(provider: str, line_id: str, secret: str) -> Response:
        return _take(provider, line_id, secret)

    def _take(provider: str, line_id: str, secret: str) -> Response:
        if not reports.is_allowed(line_id, secret):
            raise Unauthorized("The secret is not this line's.")
        if (request.content_length or 0) > _MOST_BYTES:
            raise RequestEntityTooLarge(f"body: expected at most {_MOST_BYTES} bytes")
        changed = reports.take(provider, line_id, request.get_data(), reference=request.args.get("message"))
        return json_answer(ReportTaken(changed=changed))

    return routes
