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
from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec
from bson import ObjectId
from bson.errors import InvalidId
from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.database import Database

from libs.common.credentials import CredentialsVault
from libs.common.cron import parse_cron, parse_zone
from libs.common.errors import InvalidInput, Permanent
from libs.common.jobs.integration_sync import INTEGRATION_SYNC
from libs.common.stores.collections import INTEGRATIONS, SCHEDULES
from libs.common.stores.mongo import Document, mongo_errors
from libs.common.stores.schedules import Schedule, ScheduleStore
from libs.common.validation import convert_strictly


class Provider(StrEnum):
    """The CRMs that can be connected."""

    HUBSPOT = "hubspot"
    SALESFORCE = "salesforce"
    GOOGLE_SHEETS = "google-sheets"


class IntegrationStatus(StrEnum):
    """Whether an integration can be synced, or waits for a person."""

    ACTIVE = "active"
    NEEDS_ATTENTION = "needs_attention"
    """What it needs (credentials, access, a field map) only a person can give; ``statusReason`` says what."""


CREDENTIAL_FORMS: Final[Mapping[Provider, tuple[frozenset[str], ...]]] = {
    Provider.HUBSPOT: (frozenset({"accessToken"}), frozenset({"clientId", "clientSecret", "refreshToken"})),
    Provider.SALESFORCE: (
        frozenset({"instanceUrl", "clientId", "clientSecret", "refreshToken"}),
        frozenset({"username", "privateKey", "clientId"}),
    ),
    Provider.GOOGLE_SHEETS: (frozenset({"serviceAccount"}), frozenset({"clientId", "clientSecret", "refreshToken"})),
}
"""The sets of credentials that are enough, per provider. ``serviceAccount`` is the key file's JSON as a text."""


class MatchBy(StrEnum):
    """What may tell that a row is a lead which is there already, beside the row's own identity."""

    PHONE = "phone"
    EMAIL = "email"


class IntegrationSettings(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What may be set per integration.

    Args:
        base_url: the API's address, where it is not the provider's own.
        region: ISO 3166-1 alpha-2; where phone numbers without a country code are read.
        match_by: what may tell that a row is a known lead. A workspace whose people share mailboxes takes the phone
            alone.
        suspicious_share: the share of failed rows above which a run stops.
        overlap_seconds: how far an incremental run reads back before the last one's start, for changes that the
            provider shows late; by default what the provider needs.
        calls_per_second: the most calls per second, 0 for no such limit; by default what the provider allows.
        schedule: five cron fields; the integration is then synced by itself.
        timezone: the IANA time zone of ``schedule``.
        object: Salesforce: the object that holds the people.
        bulk_above: Salesforce: from how many rows a full run reads through the Bulk API.
        spreadsheet_id: Google Sheets: the id in the spreadsheet's address.
        sheet: Google Sheets: the sheet's name; the first one where it is empty.
        header_row: Google Sheets: the number of the row with the columns' names, from 1.
        key_column: Google Sheets: the column that identifies a row; the phone, else the email, where it is empty.
    """

    base_url: Annotated[str, msgspec.Meta(pattern="^(https?://.+)?$")] = ""
    region: Annotated[str, msgspec.Meta(pattern="^([A-Z]{2})?$")] = ""
    match_by: tuple[MatchBy, ...] = (MatchBy.PHONE, MatchBy.EMAIL)
    suspicious_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.2
    overlap_seconds: Annotated[int, msgspec.Meta(ge=0)] | None = None
    calls_per_second: Annotated[float, msgspec.Meta(ge=0)] | None = None
    schedule: str = ""
    timezone: str = "UTC"
    object: Annotated[str, msgspec.Meta(pattern="^[A-Za-z][A-Za-z0-9_]{0,79}$")] = "Contact"
    bulk_above: Annotated[int, msgspec.Meta(ge=0)] = 20_000
    spreadsheet_id: str = ""
    sheet: str = ""
    header_row: Annotated[int, msgspec.Meta(ge=1)] = 1
    key_column: str = ""


class Integration(msgspec.Struct, frozen=True, kw_only=True):
    """A connected CRM, without its secrets.

    Args:
        id: the document's id.
        workspace_id: whose leads it brings.
        provider: the CRM.
        name: how people call it.
        field_map: what the workspace says of source fields; the rules of the sync fill the gaps.
        settings: see :class:`IntegrationSettings`.
        status: whether it can be synced.
        status_reason: what a person has to do; empty while it is active.
        not_before: the moment before which the provider wants no call.
        read_until: when the last completed run began: everything that the source showed then has been read.
        keys_until: until when leads that people wrote have been given their match keys.
        reads_anew_at: since when other rows come, or as somebody else; what was read before does not count.
        last_sync_at: when a run last completed.
    """

    id: str
    workspace_id: str
    provider: Provider
    name: str = ""
    field_map: Mapping[str, Any] = {}
    settings: IntegrationSettings = IntegrationSettings()
    status: IntegrationStatus = IntegrationStatus.ACTIVE
    status_reason: str = ""
    not_before: datetime | None = None
    read_until: datetime | None = None
    keys_until: datetime | None = None
    reads_anew_at: datetime | None = None
    last_sync_at: datetime | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCredentials:
    """Opened credentials, and who is renewing their access token at the moment.

    Args:
        values: by the names of :data:`CREDENTIAL_FORMS`, and what a renewal stored beside them.
        status: the integration's, because one that needs attention is not renewed again.
        status_reason: what it needs.
        renewing_until: until when another worker may be renewing the access token; ``None`` where nobody is.
    """

    values: Mapping[str, str] = field(repr=False)
    status: IntegrationStatus
    status_reason: str
    renewing_until: datetime | None


def read_settings(data: object) -> IntegrationSettings:
    """Settings as a person wrote them.

    Raises:
        InvalidInput: naming the setting that is unknown or wrong.
    """
    return convert_strictly(data, IntegrationSettings, path="settings")


def accepted_credentials(provider: Provider, given: Mapping[str, Any]) -> dict[str, str]:
    """Credentials as a person gives them: by the names of :data:`CREDENTIAL_FORMS`, objects as well as texts.

    A Google service account's key file may stand for itself.

    Raises:
        InvalidInput: naming what is unknown or missing. No value is repeated.
    """
    if provider is Provider.GOOGLE_SHEETS and given.get("type") == "service_account":
        given = {"serviceAccount": given}
    known = {name for form in CREDENTIAL_FORMS[provider] for name in form}
    for name in given:
        if name not in known:
            raise InvalidInput(f"credentials.{name}", f"unknown; for {provider} there are: {', '.join(sorted(known))}")
    texts = {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode() for name, value in given.items()
    }
    check_credentials(provider, texts)
    return texts


def check_credentials(provider: Provider, credentials: Mapping[str, str]) -> None:
    """Whether the credentials are enough for the provider.

    Raises:
        InvalidInput: naming what is missing.
    """
    given = {name for name, value in credentials.items() if value}
    forms = CREDENTIAL_FORMS[provider]
    if not any(form <= given for form in forms):
        wanted = " or ".join(", ".join(sorted(form)) for form in forms)
        raise InvalidInput("credentials", f"for {provider} these are needed: {wanted}")


def schedule_name(integration_id: str) -> str:
    """The name of an integration's own schedule."""
    return f"{INTEGRATION_SYNC.job_type}-{integration_id}"


def check_schedule(settings: IntegrationSettings) -> None:
    """Whether the settings' schedule, if there is one, can be kept.

    Raises:
        InvalidInput: the schedule or its time zone is none.
    """
    if settings.schedule:
        parse_cron(settings.schedule)
        parse_zone(settings.timezone)


def schedule_for(
    integration_id: str, workspace_id: str, settings: IntegrationSettings, *, enabled: bool = True
) -> Schedule:
    """The schedule that the settings ask for."""
    return Schedule(
        name=schedule_name(integration_id),
        job_type=INTEGRATION_SYNC.job_type,
        cron=settings.schedule,
        timezone=settings.timezone,
        enabled=enabled,
        data={"integrationId": integration_id, "workspaceId": workspace_id},
    )


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
