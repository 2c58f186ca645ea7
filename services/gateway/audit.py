"""Who changed what and when: one entry per call that may change something, refused ones too.

Enqueueing is not in it, because the ledger holds every job that was asked for. An entry that cannot be stored is in the
log in full: a queue must be stoppable while MongoDB is away.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec
from bson import ObjectId
from bson.errors import InvalidId
from flask import Flask, Request, Response
from pymongo import DESCENDING
from pymongo.database import Database

from libs.common.clock import Clock
from libs.common.errors import InvalidInput, StoreUnavailable
from libs.common.logging import get_logger
from libs.common.stores.collections import AUDIT
from libs.common.stores.mongo import Document, mongo_errors
from services.gateway.auth import Caller, Scope
from services.gateway.current import current_facts, current_request
from services.gateway.declaring import declaration_of

log = get_logger(__name__)

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_LONGEST_ADDRESS = 500


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One call.

    Args:
        at: when.
        scope: what the caller was allowed: ``service`` or ``admin``.
        fingerprint: which token it was, or opened the session of the dashboard; empty where no tokens are asked for.
        method: the HTTP method.
        route: the kind of call.
        address: the call itself, with its query.
        status: how it was answered.
        request_id: under which the log tells more.
        by: which session of the dashboard it was, where it was one.
        details: what the call was about, where its address does not tell: a filter, a payload's change.
    """

    at: datetime
    scope: str
    fingerprint: str
    method: str
    route: str
    address: str
    status: int
    request_id: str
    by: str = ""
    details: Mapping[str, Any] = {}


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """Entries, the latest first.

    Args:
        entries: the entries.
        cursor: asks for those before them; ``None`` where there are none.
    """

    entries: Sequence[AuditEntry]
    cursor: str | None


class AuditLog(Protocol):
    """Where entries are kept."""

    def record(self, entry: AuditEntry) -> None:
        """Keeps an entry; never raises for a store that is away."""
        ...

    def page(self, *, before: str, limit: int) -> AuditPage:
        """Entries, the latest first.

        Raises:
            InvalidInput: ``before`` is no cursor.
            StoreUnavailable: the store is away.
        """
        ...


class MongoAuditLog:
    """Keeps entries in MongoDB, collection ``audit``, for a year.

    Args:
        database: this installation's.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._audit = database[AUDIT]

    def record(self, entry: AuditEntry) -> None:
        """Keeps an entry; where MongoDB is away it is in the log only."""
        document = msgspec.structs.asdict(entry)
        try:
            with mongo_errors():
                self._audit.insert_one({**msgspec.to_builtins(entry), "at": entry.at})
        except StoreUnavailable as error:
            log.warning("audit.not_stored", **{**document, "at": entry.at.isoformat()}, error=error.reason)

    def page(self, *, before: str, limit: int) -> AuditPage:
        """Entries, the latest first, by the ``_id`` index."""
        try:
            wanted = {"_id": {"$lt": ObjectId(before)}} if before else {}
        except InvalidId as error:
            raise InvalidInput("cursor", "expected the cursor of an earlier answer, or none") from error
        with mongo_errors():
            found = list(self._audit.find(wanted).sort("_id", DESCENDING).limit(limit))
        return AuditPage(
            entries=[msgspec.convert(document, AuditEntry) for document in found],
            cursor=str(found[-1]["_id"]) if len(found) == limit else None,
        )


def note(**details: Any) -> None:
    """Adds to the audit entry of the call that is being answered.

    Args:
        details: small, JSON-able and free of secrets.
    """
    noted = current_facts()
    noted.audit_details = {**noted.get("audit_details", {}), **details}


def record_mutations(app: Flask, audit: AuditLog, clock: Clock) -> None:
    """Records every call of the app that may change something and shows who makes it."""

    @app.after_request
    def record(response: Response) -> Response:
        asked, noted = current_request(), current_facts()
        caller: Caller | None = noted.get("caller")
        if asked.url_rule is None or caller is None or caller.scope is Scope.OPEN or not may_change(app, asked):
            return response
        audit.record(
            AuditEntry(
                at=clock.now(),
                scope=caller.scope.name.lower(),
                fingerprint=caller.fingerprint,
                method=asked.method,
                route=asked.url_rule.rule,
                address=asked.full_path.rstrip("?")[:_LONGEST_ADDRESS],
                status=response.status_code,
                request_id=noted.request_id,
                by=caller.name,
                details=noted.get("audit_details", {}),
            )
        )
        return response


def may_change(app: Flask, asked: Request) -> bool:
    """Whether calls of a request's route are audited: they may change something that nothing else records."""
    if asked.method in _READING:
        return False
    declared = declaration_of(app.view_functions[asked.endpoint or ""])
    return declared is None or declared.audited
