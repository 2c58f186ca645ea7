"""Sealing all stored credentials anew with the newest key."""

import msgspec
from pymongo.database import Database

from libs.common.credentials import CredentialsUnreadable, CredentialsVault
from libs.common.stores.collections import INTEGRATIONS, LINES
from libs.common.stores.mongo import Document

_COLLECTIONS = (LINES, INTEGRATIONS)


class RotationReport(msgspec.Struct, kw_only=True, rename="camel"):
    """What a rotation did.

    Args:
        sealed: credentials that are sealed with the newest key now.
        changed_meanwhile: credentials that somebody else wrote at the same moment, with a key of theirs.
        unreadable: where credentials are that no key opens: ``lines/<id>``.
    """

    sealed: int = 0
    changed_meanwhile: int = 0
    unreadable: list[str] = msgspec.field(default_factory=list)


def rotate_credentials(database: Database[Document], vault: CredentialsVault) -> RotationReport:
    """Seals the credentials of all lines and integrations with the first key of CREDENTIALS_KEY.

    Each is replaced only where it is still what was read, so a token that a worker renews meanwhile is not lost.
    """
    report = RotationReport()
    for name in _COLLECTIONS:
        for document in database[name].find({"credentials": {"$type": "string"}}, {"credentials": True}):
            try:
                anew = vault.rotate(document["credentials"])
            except CredentialsUnreadable:
                report.unreadable.append(f"{name}/{document['_id']}")
                continue
            written = database[name].update_one(
                {"_id": document["_id"], "credentials": document["credentials"]}, {"$set": {"credentials": anew}}
            )
            report.sealed += written.matched_count
            report.changed_meanwhile += 1 - written.matched_count
    return report
