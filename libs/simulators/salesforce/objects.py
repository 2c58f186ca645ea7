"""Contacts and leads as Salesforce shows them: in JSON with types, in CSV as text.

Field names, types and labels are those of the standard objects (Salesforce Object Reference); `Segment__c`, `Score__c`
and `Notes__c` are custom. Times have whole seconds, as Salesforce stores them; JSON writes them with `+0000`, Bulk API
CSV with `Z`. `SystemModstamp` moves with every change, `LastModifiedDate` only with a person's: here the latter stays
behind on every second row that changes, as it does after a change by the system.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from libs.simulators.crm import instants
from libs.simulators.crm.table import Row, Stamps
from libs.simulators.salesforce.ids import record_id

STAMPS: Final = Stamps(step_ms=1000, rows_per_stamp=3)
"""Stamps of untouched rows: whole seconds, three rows each."""

NOT_PROVIDED: Final = "[not provided]"
"""What stands in a required name that nobody filled."""

Value = str | float | bool | int | None


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field: how describe shows it and how a row's value is read. Times are read as milliseconds."""

    name: str
    label: str
    kind: str
    read: Callable[[Row], Value]
    length: int = 0
    nillable: bool = True
    values: tuple[str, ...] = ()

    def described(self) -> dict[str, Any]:
        """Return the field as the describe call answers it."""
        custom = self.name.endswith("__c")
        return {
            "name": self.name,
            "label": self.label,
            "type": self.kind,
            "length": self.length,
            "custom": custom,
            "nillable": self.nillable,
            "updateable": custom or self.name not in _SYSTEM,
            "createable": custom or self.name not in _SYSTEM,
            "filterable": True,
            "sortable": self.kind != "textarea",
            "unique": self.name == "Id",
            "calculated": False,
            "picklistValues": [
                {"active": True, "defaultValue": False, "label": value.title(), "validFor": None, "value": value}
                for value in self.values
            ],
            "referenceTo": [],
        }

    def json(self, row: Row) -> Value:
        """Return a row's value as JSON shows it."""
        value = self.read(row)
        return instants.millis(int(value), "+0000") if self.kind == "datetime" and value is not None else value

    def csv(self, row: Row) -> str:
        """Return a row's value as Bulk API CSV shows it; a null is an empty text."""
        value = self.read(row)
        if value is None:
            return ""
        if self.kind == "datetime":
            return instants.millis(int(value))
        return str(value).lower() if isinstance(value, bool) else str(value)


class SObject(msgspec.Struct, frozen=True, kw_only=True):
    """One object: its name, how its ids begin, its fields by name."""

    name: str
    prefix: str
    fields: Mapping[str, Field]

    def field(self, name: str) -> Field | None:
        """Return a field by its name in any case, as SOQL does."""
        return self.fields.get(name.lower())


_SYSTEM: Final = ("Id", "IsDeleted", "Name", "CreatedDate", "LastModifiedDate", "SystemModstamp")


def _last_modified(row: Row) -> int:
    if row.index % 2 == 0:
        return row.modified_ms
    return max(row.created_ms, min(STAMPS.of(row.index), row.modified_ms))


def _city(row: Row) -> str | None:
    return row.person.city


def _full_name(row: Row) -> str:
    return " ".join(filter(None, (row.person.first_name, row.person.last_name or NOT_PROVIDED)))


def _fields(prefix: str) -> Iterable[Field]:
    yield Field(
        name="Id",
        label="Record ID",
        kind="id",
        length=18,
        nillable=False,
        read=lambda row: record_id(prefix, row.index),
    )
    yield Field(name="IsDeleted", label="Deleted", kind="boolean", nillable=False, read=lambda row: row.deleted)
    yield Field(name="FirstName", label="First Name", kind="string", length=40, read=lambda row: row.person.first_name)
    yield Field(
        name="LastName",
        label="Last Name",
        kind="string",
        length=80,
        nillable=False,
        read=lambda row: row.person.last_name or NOT_PROVIDED,
    )
    yield Field(name="Name", label="Full Name", kind="string", length=121, nillable=False, read=_full_name)
    yield Field(name="Email", label="Email", kind="email", length=80, read=lambda row: row.person.email)
    yield Field(name="Phone", label="Phone", kind="phone", length=40, read=lambda row: row.person.phone)
    yield Field(name="MobilePhone", label="Mobile Phone", kind="phone", length=40, read=lambda row: row.person.mobile)
    yield Field(name="Title", label="Title", kind="string", length=128, read=lambda row: row.person.job_title)
    yield Field(
        name="HasOptedOutOfEmail",
        label="Email Opt Out",
        kind="boolean",
        nillable=False,
        read=lambda row: not row.person.subscribed,
    )
    yield Field(
        name="CreatedDate", label="Created Date", kind="datetime", nillable=False, read=lambda row: row.created_ms
    )
    yield Field(
        name="LastModifiedDate", label="Last Modified Date", kind="datetime", nillable=False, read=_last_modified
    )
    yield Field(
        name="SystemModstamp",
        label="System Modstamp",
        kind="datetime",
        nillable=False,
        read=lambda row: row.modified_ms,
    )
    yield Field(
        name="Segment__c",
        label="Segment",
        kind="picklist",
        length=255,
        values=("buyer", "seller", "past_client", "partner"),
        read=lambda row: row.person.segment,
    )
    yield Field(name="Score__c", label="Score", kind="double", read=lambda row: float(row.person.score))
    yield Field(name="Notes__c", label="Notes", kind="textarea", length=32_768, read=lambda row: row.person.notes)
    if prefix == "003":
        yield Field(
            name="MailingCity", label="Mailing City", kind="string", length=40, read=lambda row: row.person.city
        )
    else:
        yield Field(name="City", label="City", kind="string", length=40, read=lambda row: row.person.city)
        yield Field(
            name="Company",
            label="Company",
            kind="string",
            length=255,
            nillable=False,
            read=lambda row: row.person.company or NOT_PROVIDED,
        )
        yield Field(
            name="Status",
            label="Lead Status",
            kind="picklist",
            length=255,
            nillable=False,
            values=("Open", "Working", "Closed"),
            read=lambda _: "Open",
        )


def _object(name: str, prefix: str) -> SObject:
    return SObject(name=name, prefix=prefix, fields={each.name.lower(): each for each in _fields(prefix)})


OBJECTS: Final[Mapping[str, SObject]] = {
    "contact": _object("Contact", "003"),
    "lead": _object("Lead", "00Q"),
}
