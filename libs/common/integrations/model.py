"""The connection of a workspace to its CRM, as data."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec

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


def read_settings(data: object) -> IntegrationSettings:
    """Settings as a person wrote them.

    Raises:
        InvalidInput: naming the setting that is unknown or wrong.
    """
    return convert_strictly(data, IntegrationSettings, path="settings")
