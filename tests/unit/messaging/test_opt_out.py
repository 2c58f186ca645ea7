"""Which replies mean: write to me no more."""

import pytest

from libs.common.messages.opt_out import means_stop


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "stop",
        " Stop. ",
        "Stop!!",
        "STOP ALL",
        "StopAll",
        "unsubscribe",
        "Cancel",
        "END",
        "quit",
        "Opt-Out",
        "OPT OUT",
        "optout",
        "revoke",
        "please stop",
        "Stop please",
        "stop texting me",
        "Don't text me!",
        "\uff33\uff34\uff2f\uff30",
        "🛑 stop 🛑",
        '"STOP"',
    ],
)
def test_these_do(text: str) -> None:
    assert means_stop(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I can't stop laughing",
        "stop by tomorrow",
        "When does it end?",
        "cancel my appointment",
        "start",
        "nonstop",
        "STOPPED",
        "Don't stop",
        "bus stop",
    ],
)
def test_these_do_not(text: str) -> None:
    assert not means_stop(text)
