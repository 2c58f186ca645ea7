"""`GET /audit`."""

from typing import Annotated

import msgspec
from flask import Response

from services.gateway.answers import json_answer
from services.gateway.audit import AuditLog, AuditPage
from services.gateway.auth import Scope
from services.gateway.declaring import Routes


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries.

    Args:
        cursor: the cursor of the page before; none for the latest.
        limit: the most to answer.
    """

    cursor: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 100


def audit_routes(audit: AuditLog) -> Routes:
    """The route of the audit log."""
    routes = Routes("audit")

    @routes.declare(
        "GET",
        "/audit",
        scope=Scope.ADMIN,
        summary="Who changed what, the latest first",
        query=AuditQuery,
        answers={200: AuditPage},
    )
    def audit_entries(query: AuditQuery) -> Response:
        return json_answer(audit.page(before=query.cursor, limit=query.limit))

    return routes
