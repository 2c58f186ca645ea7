"""What providers' webhooks say."""

from typing import Any

import msgspec
import pytest

from libs.common.clock import from_ms
from libs.common.providers.bluebubbles import reports as bluebubbles
from libs.common.providers.reports import Report, ReportKind
from libs.common.providers.sendblue import reports as sendblue


def bb(kind: str, **data: Any) -> Report | None:
    return bluebubbles.read_report(msgspec.json.encode({"type": kind, "data": {"guid": "g", **data}}))


def sb(**fields: Any) -> Report | None:
    return sendblue.read_report(msgspec.json.encode({"message_handle": "h", **fields}))


class TestBlueBubbles:
    def test_a_message_of_ours_went_out(self) -> None:
        assert bb("new-message", isFromMe=True, tempGuid="tuco-1") == Report(
            kind=ReportKind.WENT_OUT, provider_message_id="g", reference="tuco-1"
        )

    def test_a_message_came_in(self) -> None:
        found = bb("new-message", isFromMe=False, handle={"address": "+12125550123"}, text="STOP")
        assert found is not None
        assert (found.kind, found.sender, found.text) == (ReportKind.INBOUND, "+12125550123", "STOP")

    def test_a_message_was_delivered(self) -> None:
        found = bb("updated-message", isFromMe=True, dateDelivered=1_700_000_000_000)
        assert found is not None
        assert (found.kind, found.at) == (ReportKind.DELIVERED, from_ms(1_700_000_000_000))

    def test_a_message_was_read_which_is_no_report(self) -> None:
        assert bb("updated-message", isFromMe=False, dateDelivered=1) is None
        assert bb("updated-message", isFromMe=True) is None

    @pytest.mark.parametrize("kind", ["message-send-error", "updated-message", "new-message"])
    def test_a_message_failed(self, kind: str) -> None:
        found = bb(kind, isFromMe=True, error=22, tempGuid="tuco-1")
        assert found is not None
        assert (found.kind, found.error, found.reference) == (ReportKind.FAILED, "iMessage error 22", "tuco-1")

    def test_other_events_are_none(self) -> None:
        assert bb("typing-indicator") is None
        assert bluebubbles.read_report(b'{"type": "hello-world", "data": null}') is None

    @pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"<html>", b'{"type": "new-message", "data": 5}'])
    def test_nonsense_is_refused(self, body: bytes) -> None:
        with pytest.raises(msgspec.DecodeError):
            bluebubbles.read_report(body)


class TestSendblue:
    @pytest.mark.parametrize("status", ["QUEUED", "SENT", "ACCEPTED", "REGISTERED", "PENDING"])
    def test_a_message_of_ours_is_on_its_way(self, status: str) -> None:
        found = sb(is_outbound=True, status=status)
        assert found is not None
        assert (found.kind, found.provider_message_id) == (ReportKind.WENT_OUT, "h")

    def test_a_message_was_delivered(self) -> None:
        found = sb(is_outbound=True, status="DELIVERED", date_updated="2026-01-01T12:00:00.000Z")
        assert found is not None
        assert found.kind is ReportKind.DELIVERED
        assert found.at is not None

    def test_a_message_failed(self) -> None:
        found = sb(is_outbound=True, status="ERROR", error_code=10001)
        assert found is not None
        assert (found.kind, found.error) == (ReportKind.FAILED, "ERROR 10001")

    def test_one_whose_status_is_not_known_may_have_gone(self) -> None:
        found = sb(is_outbound=True, status="ERROR", error_code=10002)
        assert found is not None
        assert found.kind is ReportKind.WENT_OUT

    def test_a_message_came_in(self) -> None:
        found = sb(is_outbound=False, from_number="+12125550123", content="Hi", opted_out=True)
        assert found is not None
        assert (found.kind, found.sender, found.text, found.opted_out) == (
            ReportKind.INBOUND,
            "+12125550123",
            "Hi",
            True,
        )

    @pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"is_outbound": "yes"}'])
    def test_nonsense_is_refused(self, body: bytes) -> None:
        with pytest.raises(msgspec.DecodeError):
            sendblue.read_report(body)
