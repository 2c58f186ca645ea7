"""The connections of workspaces to their CRMs: collection ``integrations``.

Credentials are sealed for the document that holds them (record ``integrations/<id>``) and are read and written only
through :class:`IntegrationStore`. An access token that was renewed is sealed and stored beside them, so that all
workers use the same one; while one worker renews it, the field ``renewal`` makes the others wait.

An integration with a ``schedule`` has a document of its own in ``schedules``, named :func:`schedule_name`. While the
integration needs attention this schedule rests, so that nothing is tried in vain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from bson import ObjectId
from bson.errors import InvalidId
from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.database import Database

from libs.common.credentials import CredentialsVault
from libs.common.errors import Permanent
from libs.common.integrations.credentials import (
    StoredCredentials,
    check_credentials,
)
from libs.common.integrations.model import (
    Integration,
    IntegrationSettings,
    IntegrationStatus,
    Provider,
)
from libs.common.integrations.schedules import check_schedule, schedule_for, schedule_name
from libs.common.stores.collections import INTEGRATIONS, SCHEDULES
from libs.common.stores.mongo import Document, mongo_errors
from libs.common.stores.schedules import ScheduleStore


@dataclass(frozen=True, slots=True, kw_only=True)
class NewIntegration:
    """An integration to write down.

    Args:
        workspace_id: whose leads it will bring.
        provider: the CRM.
        credentials: one of the provider's :data:`CREDENTIAL_FORMS`.
        name: how people call it.
        field_map: see :class:`Integration`.
        settings: see :class:`IntegrationSettings`.
    """

    workspace_id: str
    provider: Provider
    credentials: Mapping[str, str] = field(repr=False)
    name: str = ""
    field_map: Mapping[str, Any] = field(default_factory=dict)
    settings: IntegrationSettings = field(default_factory=IntegrationSettings)


class IntegrationStore:
    """The stored integrations.

    Args:
        database: with majority write concern.
        vault: seals and opens credentials.
    """

    def __init__(self, database: Database[Document], vault: CredentialsVault) -> None:
        self._integrations = database[INTEGRATIONS]
        self._schedules = database[SCHEDULES]
        self._schedule_store = ScheduleStore(database)
        self._vault = vault

    def add(self, new: NewIntegration, *, at: datetime) -> str:
        """Writes an integration down, active; answers its id.

        Raises:
            InvalidInput: the credentials are not enough, or the schedule or its time zone is none.
            StoreUnavailable: MongoDB is away.
        """
        check_credentials(new.provider, new.credentials)
        check_schedule(new.settings)
        key = ObjectId()
        document: Document = {
            "_id": key,
            "workspaceId": new.workspace_id,
            "provider": str(new.provider),
            "name": new.name,
            "credentials": self.sealed(str(key), new.credentials),
            "fieldMap": dict(new.field_map),
            "settings": msgspec.to_builtins(new.settings),
            "status": str(IntegrationStatus.ACTIVE),
            "createdAt": at,
            "updatedAt": at,
        }
        with mongo_errors():
            self._integrations.insert_one(document)
        if new.settings.schedule:
            self._schedule_store.put(schedule_for(str(key), new.workspace_id, new.settings))
        return str(key)

    def get(self, integration_id: str) -> Integration | None:
        """An integration, or ``None`` where there is none with this id.

        Raises:
            Permanent: the document is not an integration that can be read.
            StoreUnavailable: MongoDB is away.
        """
        key = _key(integration_id)
        with mongo_errors():
            document = self._integrations.find_one({"_id": key}, {"credentials": False}) if key else None
        return integration_of(document) if document else None

    def list_all(self, workspace_id: str | None = None) -> Sequence[Integration]:
        """The integrations of a workspace, or of all, in the order in which they were added.

        Raises:
            Permanent: a document is not an integration that can be read.
            StoreUnavailable: MongoDB is away.
        """
        chosen = {} if workspace_id is None else {"workspaceId": workspace_id}
        with mongo_errors():
            found = list(self._integrations.find(chosen, {"credentials": False}).sort("_id", 1))
        return [integration_of(document) for document in found]

    def replace_credentials(self, integration_id: str, credentials: Mapping[str, str], *, at: datetime) -> bool:
        """Seals new credentials for an integration and makes it active again; false where there is none.

        Raises:
            InvalidInput: the credentials are not enough.
            StoreUnavailable: MongoDB is away.
        """
        integration = self.get(integration_id)
        if integration is None:
            return False
        check_credentials(integration.provider, credentials)
        change = {"credentials": self.sealed(integration_id, credentials), **_ACTIVE, "updatedAt": at}
        with mongo_errors():
            self._integrations.update_one(
                {"_id": ObjectId(integration_id)}, {"$set": change, "$unset": {"renewal": ""}}
            )
        wake_schedule(self._schedules, integration_id)
        return True

    def sealed(self, integration_id: str, credentials: Mapping[str, str]) -> str:
        """Credentials as they are stored, good for this integration alone."""
        return self._vault.seal(credentials, record=_record(ObjectId(integration_id)))

    def credentials_of(self, integration_id: str) -> StoredCredentials:
        """The opened credentials.

        Raises:
            CredentialsUnreadable: they were sealed with another key or for another record.
            Permanent: the integration is gone.
            StoreUnavailable: MongoDB is away.
        """
        key = ObjectId(integration_id)
        with mongo_errors():
            document = self._integrations.find_one(
                {"_id": key}, {"credentials": True, "status": True, "statusReason": True, "renewal": True}
            )
        return self._opened(document, key)

    def begin_renewal(
        self, integration_id: str, *, owner: str, at: datetime, lease: timedelta
    ) -> StoredCredentials | None:
        """Takes the right to renew the access token; ``None`` while another worker has it.

        Args:
            integration_id: the integration.
            owner: who will renew; names the holder of the right.
            at: now.
            lease: after which the right passes on, should its holder die.

        Raises:
            CredentialsUnreadable: they were sealed with another key or for another record.
            StoreUnavailable: MongoDB is away.
        """
        key = ObjectId(integration_id)
        free = {"_id": key, "$or": [{"renewal": None}, {"renewal.until": {"$lt": at}}]}
        with mongo_errors():
            document = self._integrations.find_one_and_update(
                free,
                {"$set": {"renewal": {"owner": owner, "until": at + lease}}},
                return_document=ReturnDocument.AFTER,
            )
        return self._opened(document, key) if document else None

    def end_renewal(self, integration_id: str, *, owner: str, renewed: Mapping[str, str] | None, at: datetime) -> bool:
        """Stores what was renewed and gives the right back; false where it had passed to another meanwhile.

        Args:
            integration_id: the integration.
            owner: who renewed.
            renewed: all credentials, the new access token among them; ``None`` where the renewal failed.
            at: now.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        key = ObjectId(integration_id)
        update: Document = {"$unset": {"renewal": ""}}
        if renewed is not None:
            update["$set"] = {"credentials": self._vault.seal(renewed, record=_record(key)), "updatedAt": at}
        with mongo_errors():
            return self._integrations.update_one({"_id": key, "renewal.owner": owner}, update).matched_count > 0

    def set_needs_attention(self, integration_id: str, reason: str, *, at: datetime) -> None:
        """Says what a person has to do before the integration can be synced again.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        self._set(integration_id, {"status": str(IntegrationStatus.NEEDS_ATTENTION), "statusReason": reason}, at)
        with mongo_errors():
            self._schedules.update_one(
                {"_id": schedule_name(integration_id), "enabled": True},
                {"$set": {"enabled": False, "restsFor": str(IntegrationStatus.NEEDS_ATTENTION)}},
            )

    def set_active(self, integration_id: str, *, at: datetime) -> None:
        """Says that what an integration needed is there.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        self._set(integration_id, _ACTIVE, at)
        wake_schedule(self._schedules, integration_id)

    def set_not_before(self, integration_id: str, until: datetime, *, at: datetime) -> None:
        """Remembers for all workers that the provider wants no call before a moment.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        self._set(integration_id, {"notBefore": until}, at)

    def set_keys_until(self, integration_id: str, until: datetime, *, at: datetime) -> None:
        """Remembers until when leads that people wrote have been given their match keys.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        self._set(integration_id, {"keysUntil": until}, at)

    def complete_sync(self, integration_id: str, *, read_until: datetime, at: datetime) -> None:
        """Remembers a completed run; the next incremental one reads from there, and what was wrong is mended.

        One whose integration was changed meanwhile, so that other rows come, has read the wrong ones: the next one
        reads everything.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        key, done = ObjectId(integration_id), {"lastSyncAt": at, **_ACTIVE, "updatedAt": at}
        still_so = {"_id": key, "$nor": [{"readsAnewAt": {"$gt": read_until}}]}
        with mongo_errors():
            if not self._integrations.update_one(
                still_so, {"$set": {**done, "cursor": {"readUntil": read_until}}}
            ).matched_count:
                self._integrations.update_one({"_id": key}, {"$set": done})
        wake_schedule(self._schedules, integration_id)

    def _set(self, integration_id: str, values: Mapping[str, Any], at: datetime) -> None:
        with mongo_errors():
            self._integrations.update_one({"_id": ObjectId(integration_id)}, {"$set": {**values, "updatedAt": at}})

    def _opened(self, document: Document | None, key: ObjectId) -> StoredCredentials:
        if document is None:
            raise Permanent(f"there is no integration {key}")
        renewal = document.get("renewal") or {}
        return StoredCredentials(
            values=self._vault.open(document.get("credentials", ""), record=_record(key)),
            status=IntegrationStatus(document.get("status", IntegrationStatus.ACTIVE)),
            status_reason=document.get("statusReason", ""),
            renewing_until=renewal.get("until"),
        )


def wake_schedule(schedules: Collection[Document], integration_id: str) -> None:
    """Switches an integration's schedule on again, if it rested for the integration and not because a person wanted so.

    Raises:
        StoreUnavailable: MongoDB is away.
    """
    with mongo_errors():
        schedules.update_one(
            {"_id": schedule_name(integration_id), "restsFor": {"$exists": True}},
            {"$set": {"enabled": True}, "$unset": {"restsFor": ""}},
        )


_ACTIVE: Final[Mapping[str, str]] = {"status": str(IntegrationStatus.ACTIVE), "statusReason": ""}


def _record(key: ObjectId) -> str:
    return f"{INTEGRATIONS}/{key}"


def _key(integration_id: str) -> ObjectId | None:
    try:
        return ObjectId(integration_id)
    except InvalidId:
        return None


def integration_of(document: Document) -> Integration:
    """The integration that a document holds.

    Raises:
        Permanent: it is none that can be read.
    """
    cursor = document.get("cursor") or {}
    try:
        return Integration(
            id=str(document["_id"]),
            workspace_id=document["workspaceId"],
            provider=Provider(document["provider"]),
            name=document.get("name", ""),
            field_map=document.get("fieldMap") or {},
            settings=msgspec.convert(document.get("settings") or {}, IntegrationSettings),
            status=IntegrationStatus(document.get("status", IntegrationStatus.ACTIVE)),
            status_reason=document.get("statusReason", ""),
            not_before=document.get("notBefore"),
            read_until=cursor.get("readUntil"),
            keys_until=document.get("keysUntil"),
            reads_anew_at=document.get("readsAnewAt"),
            last_sync_at=document.get("lastSyncAt"),
        )
    except (KeyError, ValueError) as error:
        raise Permanent(f"integration {document['_id']} cannot be read: {error!r}") from error
