"""Secrets of lines and integrations, encrypted at rest and bound to the record that holds them.

A stored text opens only in the record it was sealed for: the record's name is part of what is encrypted, so copying
one workspace's credentials into another's document gives nothing. Several keys may be set: the first seals, all open,
which is how keys are rotated without a moment when something cannot be read.
"""

from collections.abc import Mapping

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from libs.common.errors import Permanent, SettingsError
from libs.common.settings import Secret, tokens_of


class CredentialsUnreadable(Permanent):
    """The stored credentials cannot be opened with CREDENTIALS_KEY, or were sealed for another record."""


class _Sealed(msgspec.Struct, frozen=True):
    record: str
    values: dict[str, str]


class CredentialsVault:
    """Seals and opens credentials.

    Args:
        key: the setting CREDENTIALS_KEY: Fernet keys (32 url-safe base64 bytes), newest first, separated by commas.

    Raises:
        SettingsError: when a key is missing or malformed.
    """

    def __init__(self, key: Secret) -> None:
        keys = tokens_of(key)
        if not keys:
            raise SettingsError("CREDENTIALS_KEY is not set; make one with: tuco-jobs keys generate")
        try:
            self._fernet = MultiFernet([Fernet(one) for one in keys])
        except ValueError as error:
            raise SettingsError("CREDENTIALS_KEY is wrong: each key should be 32 url-safe base64 bytes") from error

    def seal(self, values: Mapping[str, str], *, record: str) -> str:
        """The encrypted text of ``values``, usable only in ``record`` (such as ``lines/<id>``)."""
        return self._fernet.encrypt(msgspec.json.encode(_Sealed(record, dict(values)))).decode()

    def open(self, sealed: str, *, record: str) -> dict[str, str]:
        """The values sealed for ``record``.

        Raises:
            CredentialsUnreadable: wrong key, damaged text, or another record's credentials.
        """
        try:
            opened = msgspec.json.decode(self._fernet.decrypt(sealed), type=_Sealed)
        except (InvalidToken, msgspec.DecodeError) as error:
            raise CredentialsUnreadable from error
        if opened.record != record:
            raise CredentialsUnreadable
        return opened.values

    def rotate(self, sealed: str) -> str:
        """The same secret under the newest key.

        Raises:
            CredentialsUnreadable: wrong key or damaged text.
        """
        try:
            return self._fernet.rotate(sealed).decode()
        except InvalidToken as error:
            raise CredentialsUnreadable from error


def new_credentials_key() -> str:
    """A fresh key for CREDENTIALS_KEY."""
    return Fernet.generate_key().decode()
