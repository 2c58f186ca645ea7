"""The BlueBubbles protocol without a server."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from libs.common.handles import Service
from libs.common.providers.bluebubbles.checking import BlueBubblesChecker
from libs.common.providers.bluebubbles.client import BlueBubblesClient, fault_of
from libs.common.providers.errors import FaultReason, LineFault
from libs.common.providers.transport import Loss, NoReply, Reply

NOW = datetime(2026, 7, 1, tzinfo=UTC)


class Scripted:
    """A transport that answers as it is told and keeps the URLs."""

    def __init__(self, answer: Reply | NoReply) -> None:
        self.answer = answer
        self.urls: list[str] = []

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        self.urls.append(url)
        if isinstance(self.answer, NoReply):
            raise self.answer
        return self.answer

    async def post(self, url: str, *, json: bytes, headers: Mapping[str, str] | None = None) -> Reply:
        return await self.get(url)

    async def close(self) -> None:
        pass


def checker(answer: Reply | NoReply) -> tuple[BlueBubblesChecker, Scripted]:
    transport = Scripted(answer)
    client = BlueBubblesClient(transport, server_url="http://mac.example:1234/base/", password="p&w=ü #1")
    return BlueBubblesChecker(client), transport


def test_a_question_carries_password_and_handle_encoded() -> None:
    asker, transport = checker(Reply(200, b'{"status":200,"message":"Success","data":{"available":true}}'))
    answer = asyncio.run(asker.check("+12125550123"))
    assert (answer.available, answer.service) == (True, Service.IMESSAGE)
    parts = urlsplit(transport.urls[0])
    assert parts.path == "/base/api/v1/handle/availability/imessage"
    assert parse_qs(parts.query) == {"password": ["p&w=ü #1"], "address": ["+12125550123"]}


def test_not_available_says_nothing_of_another_service() -> None:
    answer = asyncio.run(checker(Reply(200, b'{"data":{"available":false}}'))[0].check("a@example.com"))
    assert (answer.available, answer.service) == (False, None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"{}",
        b'{"data":null}',
        b'{"data":{}}',
        b'{"data":{"available":"yes"}}',
        b"<html>",
        b"\xff\xfe",
        b"[1]",
    ],
)
def test_an_answer_of_another_form_is_the_lines_fault(body: bytes) -> None:
    with pytest.raises(LineFault) as fault:
        asyncio.run(checker(Reply(200, body))[0].check("+12125550123"))
    assert fault.value.reason is FaultReason.NOT_UNDERSTOOD


@pytest.mark.parametrize("loss", list(Loss))
def test_a_lost_call_is_the_lines_fault_and_does_not_show_the_url(loss: Loss) -> None:
    with pytest.raises(LineFault) as fault:
        asyncio.run(checker(NoReply(loss))[0].check("+12125550123"))
    shown: BaseException | None = fault.value
    while shown is not None:
        assert "p%26w" not in repr(shown)
        shown = shown.__cause__


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (
            500,
            b'{"status":500,"message":"x","error":{"type":"iMessage Error","message":"y"}}',
            FaultReason.IMESSAGE_ERROR,
        ),
        (500, b'{"status":500,"message":"x","error":{"type":"Server Error","message":"y"}}', FaultReason.SERVER_ERROR),
        (401, b'{"status":401,"message":"x","error":{"type":"Authentication Error"}}', FaultReason.AUTHENTICATION),
        (400, b'{"status":400,"message":"x","error":{"type":"Validation Error"}}', FaultReason.VALIDATION),
        (400, b"<html>Bad Request</html>", FaultReason.NOT_UNDERSTOOD),
        (404, b"<html>ngrok: tunnel not found</html>", FaultReason.NOT_FOUND),
        (504, b'{"status":504,"message":"x","error":{"type":"Gateway Timeout"}}', FaultReason.TIMEOUT),
        (502, b"<html>", FaultReason.GATEWAY_ERROR),
        (302, b"", FaultReason.NOT_UNDERSTOOD),
        (204, b"", FaultReason.NOT_UNDERSTOOD),
    ],
)
def test_every_refusal_has_its_reason(status: int, body: bytes, reason: FaultReason) -> None:
    assert fault_of(Reply(status, body), now=NOW).reason is reason


def test_a_proxys_wish_to_be_left_alone_is_kept() -> None:
    fault = fault_of(Reply(429, b"<html>", retry_after="30"), now=NOW)
    assert (fault.reason, fault.retry_after) == (FaultReason.RATE_LIMITED, timedelta(seconds=30))


@pytest.mark.parametrize(
    ("info", "able", "signed_in", "problem"),
    [
        (b'"private_api":true,"helper_connected":true,"detected_imessage":"a@b.c"', True, True, None),
        (
            b'"private_api":false,"helper_connected":false,"detected_imessage":"a@b.c"',
            False,
            True,
            "Private API is off",
        ),
        (b'"private_api":true,"helper_connected":true,"detected_imessage":null', False, False, "no iMessage account"),
        (b"", False, False, "Private API is off"),
    ],
)
def test_a_server_tells_how_it_is(info: bytes, able: bool, signed_in: bool, problem: str | None) -> None:
    body = b'{"status":200,"data":{"server_version":"1.9.9"' + (b"," if info else b"") + info + b"}}"
    report = asyncio.run(checker(Reply(200, body))[0].report())
    assert (report.version, report.able, report.signed_in) == ("1.9.9", able, signed_in)
    assert problem is None or problem in (report.problem or "")
