"""Which source field fills which field of a lead.

An integration's ``fieldMap`` names, for each of ``firstName``, ``lastName``, ``fullName``, ``email`` and ``phone``, a
source field or several in order of preference; what it does not name is filled as the provider's default says. An empty
text or list leaves a field out.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from libs.common.errors import InvalidInput
from libs.common.integrations.model import Provider

FULL_NAME: Final = "fullName"
"""Not a field of a lead: it is split into first and last name where those are not given."""

TARGETS: Final = ("firstName", "lastName", FULL_NAME, "email", "phone")

MOST_CANDIDATES: Final = 10


class FieldMap(msgspec.Struct, frozen=True, kw_only=True):
    """For each target the source fields that may fill it, best first; the first that is filled and valid counts."""

    first_name: tuple[str, ...] = ()
    last_name: tuple[str, ...] = ()
    full_name: tuple[str, ...] = ()
    email: tuple[str, ...] = ()
    phone: tuple[str, ...] = ()

    @property
    def source_fields(self) -> tuple[str, ...]:
        """Every source field that is read, each once, sorted."""
        named = (*self.first_name, *self.last_name, *self.full_name, *self.email, *self.phone)
        return tuple(sorted(set(named)))


DEFAULTS: Final[Mapping[Provider, FieldMap]] = {
    # A mobile number before a landline: only the former can be reached by iMessage.
    Provider.HUBSPOT: FieldMap(
        first_name=("firstname",), last_name=("lastname",), email=("email",), phone=("mobilephone", "phone")
    ),
    Provider.SALESFORCE: FieldMap(
        first_name=("FirstName",), last_name=("LastName",), email=("Email",), phone=("MobilePhone", "Phone")
    ),
    Provider.GOOGLE_SHEETS: FieldMap(),
}
"""What is read where an integration says nothing. A sheet has columns of its own: see :func:`guessed_from_header`."""

_HEADERS: Final[Mapping[str, frozenset[str]]] = {
    "firstName": frozenset({"firstname", "first", "givenname", "forename", "vorname", "prenom", "nombre"}),
    "lastName": frozenset({"lastname", "last", "surname", "familyname", "nachname", "apellido", "apellidos"}),
    FULL_NAME: frozenset({"name", "fullname", "contact", "contactname", "leadname", "displayname"}),
    "email": frozenset({"email", "emailaddress", "mail", "emails", "workemail", "personalemail", "correo"}),
    "phone": frozenset(
        {"phone", "phonenumber", "mobile", "mobilephone", "mobilenumber", "cell", "cellphone", "cellnumber"}
        | {"telephone", "tel", "handy", "telefon", "telefono", "whatsapp", "imessage"}
    ),
}


def read_field_map(stored: Mapping[str, Any], provider: Provider, *, header: Sequence[str] = ()) -> FieldMap:
    """The field map of an integration: what it says, and the provider's defaults for the rest.

    Args:
        stored: ``fieldMap`` as it is stored: ``{"phone": ["mobilephone", "phone"], "fullName": "Name"}``.
        provider: whose defaults fill the gaps.
        header: for a sheet, the texts of its header row.

    Raises:
        InvalidInput: naming the target that is unknown or malformed.
    """
    for target in stored:
        if target not in TARGETS:
            raise InvalidInput(f"fieldMap.{target}", f"unknown field; the fields are: {', '.join(TARGETS)}")
    default = guessed_from_header(header) if provider is Provider.GOOGLE_SHEETS else DEFAULTS[provider]
    chosen = {
        "first_name": _candidates(stored, "firstName", default.first_name),
        "last_name": _candidates(stored, "lastName", default.last_name),
        "full_name": _candidates(stored, FULL_NAME, default.full_name),
        "email": _candidates(stored, "email", default.email),
        "phone": _candidates(stored, "phone", default.phone),
    }
    return FieldMap(**chosen)


def guessed_from_header(header: Sequence[str]) -> FieldMap:
    """The field map that a sheet's header row suggests; a mobile column is preferred to other phone columns."""

    def columns(target: str) -> tuple[str, ...]:
        return tuple(text for text in header if _simplified(text) in _HEADERS[target])

    phones = sorted(columns("phone"), key=lambda text: not re.search("mobil|cell|handy", text, re.IGNORECASE))
    return FieldMap(
        first_name=columns("firstName"),
        last_name=columns("lastName"),
        full_name=columns(FULL_NAME),
        email=columns("email"),
        phone=tuple(phones),
    )


def _simplified(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower())


def _candidates(stored: Mapping[str, Any], target: str, default: tuple[str, ...]) -> tuple[str, ...]:
    if target not in stored:
        return default
    value = stored[target]
    names: Iterable[Any] = [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else [None]
    cleaned = tuple(name.strip() for name in names if isinstance(name, str) and name.strip())
    if any(not isinstance(name, str) for name in names) or len(cleaned) > MOST_CANDIDATES:
        raise InvalidInput(
            f"fieldMap.{target}", f"expected the name of a source field, or a list of at most {MOST_CANDIDATES} of them"
        )
    return cleaned
