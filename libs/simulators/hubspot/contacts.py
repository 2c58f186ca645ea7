"""Contacts as HubSpot's CRM v3 writes them: string properties, ids that are numbers in strings, Java instants.

Shapes: the OpenAPI models of `hubspot-api-client` 12 (`crm/contacts/models`, `crm/properties/models`). That a response
holds the properties asked for plus `createdate`, `hs_object_id` and `lastmodifieddate`, null where unset, and that
unknown names are left out, agrees between two independent write-ups of captured traffic; HubSpot's guide documents the
null and the omission.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from libs.simulators.crm import instants
from libs.simulators.crm.table import Row

FIRST_ID: Final = 901
"""The id of row 0. The first hundred ids are shorter than the rest, so sorting them as text is wrong."""

ALWAYS: Final = ("createdate", "hs_object_id", "lastmodifieddate")
DEFAULT: Final = ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname")

Getter = Callable[[Row], str | None]


class Property(msgspec.Struct, frozen=True, kw_only=True):
    """One contact property: how the properties endpoint describes it and how a row's value is read."""

    name: str
    label: str
    read: Getter
    kind: str = "string"
    field: str = "text"
    group: str = "contactinformation"
    custom: bool = False
    options: tuple[str, ...] = ()
    read_only: bool = False

    def described(self) -> dict[str, Any]:
        """Return the definition as `GET /crm/v3/properties/contacts` answers it."""
        return {
            "name": self.name,
            "label": self.label,
            "type": self.kind,
            "fieldType": self.field,
            "description": "",
            "groupName": self.group,
            "options": [
                {"label": value.replace("_", " ").title(), "value": value, "displayOrder": place, "hidden": False}
                for place, value in enumerate(self.options)
            ],
            "displayOrder": -1,
            "calculated": False,
            "externalOptions": False,
            "hasUniqueValue": self.name in ("email", "hs_object_id"),
            "hidden": False,
            "hubspotDefined": not self.custom,
            "modificationMetadata": {
                "archivable": self.custom,
                "readOnlyDefinition": not self.custom,
                "readOnlyValue": self.read_only,
            },
            "formField": not self.read_only,
        }


def _properties() -> Iterable[Property]:
    yield Property(name="firstname", label="First Name", read=lambda row: row.person.first_name)
    yield Property(name="lastname", label="Last Name", read=lambda row: row.person.last_name)
    yield Property(name="email", label="Email", read=lambda row: row.person.email)
    yield Property(name="phone", label="Phone Number", field="phonenumber", read=lambda row: row.person.phone)
    yield Property(
        name="mobilephone", label="Mobile Phone Number", field="phonenumber", read=lambda row: row.person.mobile
    )
    yield Property(name="company", label="Company Name", read=lambda row: row.person.company)
    yield Property(name="jobtitle", label="Job Title", read=lambda row: row.person.job_title)
    yield Property(name="city", label="City", read=lambda row: row.person.city)
    yield Property(
        name="hs_object_id",
        label="Record ID",
        kind="number",
        field="number",
        read_only=True,
        read=lambda row: str(row.index + FIRST_ID),
    )
    yield Property(
        name="createdate",
        label="Create Date",
        kind="datetime",
        field="date",
        read_only=True,
        read=lambda row: instants.java(row.created_ms),
    )
    yield Property(
        name="lastmodifieddate",
        label="Last Modified Date",
        kind="datetime",
        field="date",
        read_only=True,
        read=lambda row: instants.java(row.modified_ms),
    )
    yield Property(
        name="tuco_segment",
        label="Segment",
        kind="enumeration",
        field="select",
        custom=True,
        options=("buyer", "seller", "past_client", "partner"),
        read=lambda row: row.person.segment,
    )
    yield Property(
        name="tuco_score",
        label="Score",
        kind="number",
        field="number",
        custom=True,
        read=lambda row: str(row.person.score),
    )
    yield Property(
        name="tuco_subscribed",
        label="Subscribed",
        kind="bool",
        field="booleancheckbox",
        custom=True,
        read=lambda row: "true" if row.person.subscribed else "false",
    )
    yield Property(name="tuco_notes", label="Notes", field="textarea", custom=True, read=lambda row: row.person.notes)


PROPERTIES: Final[Mapping[str, Property]] = {each.name: each for each in _properties()}


@lru_cache(maxsize=256)
def readers(names: tuple[str, ...]) -> tuple[tuple[str, Getter], ...]:
    """Return name and getter of each property to answer with when `names` were asked for, in the order of names."""
    wanted = {*names, *ALWAYS} if names else set(DEFAULT)
    return tuple((name, PROPERTIES[name].read) for name in sorted(wanted) if name in PROPERTIES)


def contact(row: Row, read: tuple[tuple[str, Getter], ...]) -> dict[str, Any]:
    """Return a row as a contact with the properties that `readers` chose."""
    shown: dict[str, Any] = {
        "id": str(row.index + FIRST_ID),
        "properties": {name: value(row) for name, value in read},
        "createdAt": instants.java(row.created_ms),
        "updatedAt": instants.java(row.modified_ms),
        "archived": row.deleted,
    }
    if row.deleted:
        shown["archivedAt"] = instants.java(row.modified_ms)
    return shown
