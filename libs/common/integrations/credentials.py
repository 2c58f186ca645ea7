"""Which credentials each CRM takes, and whether those that a person gives are enough."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgspec

from libs.common.errors import InvalidInput
from libs.common.integrations.model import IntegrationStatus, Provider

CREDENTIAL_FORMS: Final[Mapping[Provider, tuple[frozenset[str], ...]]] = {
    Provider.HUBSPOT: (frozenset({"accessToken"}), frozenset({"clientId", "clientSecret", "refreshToken"})),
    Provider.SALESFORCE: (
        frozenset({"instanceUrl", "clientId", "clientSecret", "refreshToken"}),
        frozenset({"username", "privateKey", "clientId"}),
    ),
    Provider.GOOGLE_SHEETS: (frozenset({"serviceAccount"}), frozenset({"clientId", "clientSecret", "refreshToken"})),
}
"""The sets of credentials that are enough, per provider. ``serviceAccount`` is the key file's JSON as a text."""


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
