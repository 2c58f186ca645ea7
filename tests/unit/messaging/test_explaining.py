"""Why a message is not sent yet, in a sentence."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.common.messages.explaining import Explanation, explain, sentence_of
from libs.common.messages.model import Message
from libs.common.messages.reasons import Reason
from libs.common.messages.states import MessageStatus
from libs.common.messages.stops import Cancel, Hold

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=3)


def ask(
    status: MessageStatus, *, stopped: Hold | Cancel | None = None, queue_paused: bool = False, **fields: Any
) -> Explanation:
    message = Message(message_id="m", workspace_id="w", to="t", text="x", status=status, **fields)
    return explain(message, stopped=stopped, queue_paused=queue_paused, now=NOW)


def test_a_message_whose_time_has_not_come() -> None:
    found = ask(MessageStatus.SCHEDULED, scheduled_at=LATER)
    assert (found.reason, found.earliest_at) == ("not_due", LATER)


def test_a_message_whose_time_has_come_waits_for_the_tick() -> None:
    assert ask(MessageStatus.SCHEDULED, scheduled_at=NOW).earliest_at == NOW + timedelta(minutes=1)


def test_a_message_that_waits_names_the_limit_and_the_moment() -> None:
    found = ask(MessageStatus.QUEUED, not_before=LATER, reason="line_per_day", line_id="l")
    assert (found.reason, found.earliest_at, found.line_id) == ("line_per_day", LATER, "l")
    assert found.explanation == "It waits: its line has sent or promised its messages of the day."


def test_a_stop_that_the_message_has_not_met_yet_is_named_already() -> None:
    held = ask(MessageStatus.QUEUED, stopped=Hold(until=LATER, reason=Reason.STOPPED_CAMPAIGN))
    assert (held.reason, held.earliest_at) == ("stopped_campaign", LATER)
    cancelled = ask(MessageStatus.SCHEDULED, stopped=Cancel(reason=Reason.OPTED_OUT))
    assert cancelled.explanation == "It will be cancelled: the recipient has opted out."


def test_a_message_in_the_queue() -> None:
    assert ask(MessageStatus.QUEUED).reason == "in_queue"
    assert ask(MessageStatus.QUEUED, queue_paused=True).reason == "queue_paused"
    assert ask(MessageStatus.QUEUED, not_before=NOW - timedelta(seconds=1), reason="x").reason == "in_queue"


def test_a_message_in_hand() -> None:
    assert ask(MessageStatus.SENDING).explanation == "It is being sent."
    asked = ask(MessageStatus.SENDING, reason="answer_unknown", not_before=LATER)
    assert (asked.reason, asked.earliest_at) == ("answer_unknown", LATER)


@pytest.mark.parametrize("status", [s for s in MessageStatus if s not in ("scheduled", "queued", "sending")])
def test_what_does_not_go_by_itself_has_no_moment(status: MessageStatus) -> None:
    found = ask(status, reason="opted_out")
    assert found.earliest_at is None
    assert found.explanation.endswith("opted out.")


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.NOT_DUE])
def test_every_reason_has_words(reason: Reason) -> None:
    assert sentence_of(reason) != reason


def test_a_reason_that_nobody_knows_is_shown_as_it_is() -> None:
    assert sentence_of("elsewhere") == "elsewhere"
