"""From a stored line to what asks it."""

import asyncio

import pytest

from libs.common.credentials import CredentialsVault, new_credentials_key
from libs.common.providers.bluebubbles.checking import BlueBubblesChecker
from libs.common.providers.errors import FaultReason, LineFault
from libs.common.providers.registry import checker_for
from libs.common.providers.sendblue.checking import SendblueChecker
from libs.common.providers.transport import Reply
from libs.common.settings import Secret
from libs.common.stores.lines import Line, line_record
from tests.unit.providers.test_bluebubbles import Scripted

VAULT = CredentialsVault(Secret(new_credentials_key()))


def line(provider: str, credentials: dict[str, str], *, sealed_for: str = "l1") -> Line:
    return Line(
        line_id="l1",
        workspace_id="w",
        provider=provider,
        server_url="http://x",
        credentials=VAULT.seal(credentials, record=line_record(sealed_for)),
    )


def test_each_provider_has_its_adapter() -> None:
    transport = Scripted(Reply(200, b""))
    assert isinstance(checker_for(line("bluebubbles", {"password": "p"}), transport, VAULT), BlueBubblesChecker)
    keys = {"apiKeyId": "a", "apiSecretKey": "b"}
    assert isinstance(checker_for(line("sendblue", keys), transport, VAULT), SendblueChecker)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (line("fax", {"password": "p"}), FaultReason.UNKNOWN_PROVIDER),
        (line("bluebubbles", {"pass": "p"}), FaultReason.CREDENTIALS_UNREADABLE),
        (line("bluebubbles", {"password": "p"}, sealed_for="another"), FaultReason.CREDENTIALS_UNREADABLE),
        (
            Line(line_id="l", workspace_id="w", provider="bluebubbles", server_url="", credentials="x"),
            FaultReason.CREDENTIALS_UNREADABLE,
        ),
    ],
)
def test_a_line_that_cannot_be_used_says_why(broken: Line, reason: FaultReason) -> None:
    with pytest.raises(LineFault) as fault:
        checker_for(broken, Scripted(Reply(200, b"")), VAULT)
    assert fault.value.reason is reason


def test_sendblue_cannot_be_asked_about_an_email() -> None:
    transport = Scripted(Reply(200, b""))
    asker = checker_for(line("sendblue", {"apiKeyId": "a", "apiSecretKey": "b"}), transport, VAULT)
    with pytest.raises(LineFault) as fault:
        asyncio.run(asker.check("a@example.com"))
    assert fault.value.reason is FaultReason.UNSUPPORTED
    assert transport.urls == []
