"""Signatures by Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks, ``spec``). No I/O.

Own code: the scheme is one HMAC, and the package that implements it brings an HTTP client and a date library along.
"""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Final

_PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = 32


def new_secret() -> str:
    """A new secret, in the form that the libraries of receivers take."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signed_headers(secret: str, *, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers by which a receiver knows that a call is ours, and which event it is about.

    Args:
        secret: from :func:`new_secret`.
        message_id: the same each time that the event is told.
        at: the moment of this call; receivers refuse old ones.
        body: what is sent, to the byte.
    """
    seconds = str(int(at.timestamp()))
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    signed = b".".join((message_id.encode(), seconds.encode(), body))
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": message_id, "webhook-timestamp": seconds, "webhook-signature": f"v1,{signature}"}
