"""What passes between gateway and sync service when somebody asks whether a CRM can be reached.

The gateway knows no CRM. It asks the sync service's own port (``POST /run``, :mod:`libs.common.worker.http`) for
:data:`INTEGRATION_CHECK` with an :class:`IntegrationCheck`, and is answered a :class:`CheckAnswer`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from libs.common.jobs.fields import NonEmptyText, ObjectIdText

INTEGRATION_CHECK: Final = "integration-check"
"""What ``POST /run`` is asked for; no job type, because it is never queued."""


class IntegrationCheck(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The integration to check."""

    integration_id: ObjectIdText
    workspace_id: NonEmptyText


class CheckOutcome(StrEnum):
    """What a check came to."""

    OK = "ok"
    """The CRM can be read, and every mapped field exists."""
    NEEDS_ATTENTION = "needs_attention"
    """Only a person can mend it: credentials, access, the field map."""
    NOT_NOW = "not_now"
    """The CRM wants no call before a moment."""
    UNAVAILABLE = "unavailable"
    """The CRM cannot be reached, or fails."""


class CheckedField(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A field that the CRM has.

    Args:
        name: as a field map names it.
        label: as people know it.
        kind: the CRM's own word for its type.
    """

    name: str
    label: str
    kind: str


class CheckAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Whether a CRM can be read, and what it has to offer.

    Args:
        outcome: ``ok``, ``needs_attention``, ``not_now`` or ``unavailable``.
        reason: what is wrong; empty where nothing is.
        until: before which moment the CRM wants no call.
        account: the account, organisation or spreadsheet that the credentials lead to.
        fields: what it has to offer.
        mapped: for each field of a lead the source fields that fill it, best first.
        missing: mapped source fields that do not exist.
    """

    outcome: CheckOutcome
    reason: str = ""
    until: datetime | None = None
    account: str = ""
    fields: Sequence[CheckedField] = ()
    mapped: Mapping[str, Sequence[str]] = {}
    missing: Sequence[str] = ()
