"""What the commands read of a person for an integration: its credentials, its field map and its settings."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from libs.cli.failures import BadInput
from libs.common.errors import InvalidInput
from libs.common.integrations.credentials import CREDENTIAL_FORMS, accepted_credentials
from libs.common.integrations.model import IntegrationSettings, Provider, read_settings

_TARGETS = ("firstName", "lastName", "fullName", "email", "phone")


def read_credentials(provider: Provider, text: str) -> dict[str, str]:
    """Credentials as they come on standard input.

    One JSON object by the names of :data:`CREDENTIAL_FORMS`; for Google also a service account's key file as it is;
    for HubSpot also a private app's token alone.

    Raises:
        BadInput: the text is none of these. It is not repeated.
    """
    stripped = text.strip()
    if not stripped:
        raise BadInput("Standard input holds no credentials.", f"For {provider} they are: {_forms(provider)}.")
    if provider is Provider.HUBSPOT and not stripped.startswith("{"):
        if len(stripped.split()) > 1:
            raise BadInput("Standard input holds more than one token.")
        return {"accessToken": stripped}
    try:
        given = msgspec.json.decode(stripped)
    except msgspec.DecodeError:
        given = None
    if not isinstance(given, Mapping):
        raise BadInput(
            "The credentials on standard input are not a JSON object.", f"For {provider} it has: {_forms(provider)}."
        )
    try:
        return accepted_credentials(provider, given)
    except InvalidInput as error:
        raise BadInput(f"{error}.") from error


def read_map(pairs: Iterable[str]) -> dict[str, list[str]]:
    """A field map from ``phone=Mobile,Phone``; an empty right side leaves a field out.

    Raises:
        BadInput: a pair is none, or names a field that a lead does not have.
    """
    mapped = {}
    for pair in pairs:
        target, equals, sources = pair.partition("=")
        if not equals or target not in _TARGETS:
            raise BadInput(
                f"--map {pair!r} should look like phone=Mobile,Phone.", f"The fields are: {', '.join(_TARGETS)}."
            )
        mapped[target] = [source.strip() for source in sources.split(",") if source.strip()]
    return mapped


def read_all_settings(named: Mapping[str, Any], pairs: Iterable[str]) -> IntegrationSettings:
    """Settings from options of their own, and from ``NAME=JSON``.

    Args:
        named: by the settings' names; those that are ``None`` or empty are left out.
        pairs: further ones, such as ``suspiciousShare=0.5``.

    Raises:
        BadInput: a setting is unknown or wrong.
    """
    settings = {name: value for name, value in named.items() if value not in (None, "", ())}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise BadInput(f"--setting {pair!r} should look like suspiciousShare=0.5.")
        try:
            settings[name] = msgspec.json.decode(text)
        except msgspec.DecodeError:
            settings[name] = text
    try:
        return read_settings(settings)
    except InvalidInput as error:
        raise BadInput(f"{error}.") from error


def _forms(provider: Provider) -> str:
    return " or ".join(", ".join(sorted(form)) for form in CREDENTIAL_FORMS[provider])
