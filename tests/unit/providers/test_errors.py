"""What statuses and headers mean for a line."""

from datetime import UTC, datetime, timedelta

import pytest

from libs.common.providers.errors import FaultReason, LineFault, read_retry_after, reason_of_loss, reason_of_status
from libs.common.providers.transport import Loss

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (200, None),
        (204, None),
        (301, FaultReason.NOT_UNDERSTOOD),
        (400, FaultReason.VALIDATION),
        (401, FaultReason.AUTHENTICATION),
        (403, FaultReason.AUTHENTICATION),
        (404, FaultReason.NOT_FOUND),
        (418, FaultReason.NOT_UNDERSTOOD),
        (429, FaultReason.RATE_LIMITED),
        (500, FaultReason.SERVER_ERROR),
        (502, FaultReason.GATEWAY_ERROR),
        (503, FaultReason.GATEWAY_ERROR),
        (504, FaultReason.TIMEOUT),
        (520, FaultReason.GATEWAY_ERROR),
        (524, FaultReason.GATEWAY_ERROR),
        (530, FaultReason.GATEWAY_ERROR),
        (599, FaultReason.SERVER_ERROR),
    ],
)
def test_every_status_has_a_meaning(status: int, reason: FaultReason | None) -> None:
    assert reason_of_status(status) is reason


def test_every_lost_call_has_a_reason() -> None:
    assert {reason_of_loss(loss) for loss in Loss} == {
        FaultReason.REFUSED,
        FaultReason.TIMEOUT,
        FaultReason.CONNECTION_LOST,
    }


@pytest.mark.parametrize(
    ("header", "pause"),
    [
        (None, None),
        ("", None),
        ("7", timedelta(seconds=7)),
        ("0.5", timedelta(seconds=0.5)),
        ("-3", timedelta(0)),
        ("Wed, 01 Jul 2026 12:01:30 GMT", timedelta(seconds=90)),
        ("Wed, 01 Jul 2026 11:00:00 GMT", timedelta(0)),
        ("soon", None),
        ("1e999", None),
        ("nan", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(header: str | None, pause: timedelta | None) -> None:
    assert read_retry_after(header, now=NOW) == pause


@pytest.mark.parametrize("reason", list(FaultReason))
def test_only_what_a_person_must_mend_is_lasting(reason: FaultReason) -> None:
    lasting = {
        FaultReason.AUTHENTICATION,
        FaultReason.CREDENTIALS_UNREADABLE,
        FaultReason.NOT_FOUND,
        FaultReason.UNKNOWN_PROVIDER,
        FaultReason.UNSUPPORTED,
        FaultReason.VALIDATION,
    }
    assert LineFault(reason).lasting is (reason in lasting)
