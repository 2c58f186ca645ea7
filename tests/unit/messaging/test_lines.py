"""Which line sends a message."""

import pytest

from libs.common.messages.reasons import Reason
from services.messaging.lines import Candidate, Chosen, LineState, NoLine, choose_line

A = Candidate(line_id="a", state=LineState.READY, load=0.5)
B = Candidate(line_id="b", state=LineState.READY, load=0.2)


def as_state(line_id: str, state: LineState) -> Candidate:
    return Candidate(line_id=line_id, state=state)


def test_a_conversation_stays_on_its_line() -> None:
    assert choose_line([A, B], conversation="a") == Chosen(line_id="a", starts_conversation=False)


def test_a_new_conversation_goes_to_the_least_loaded() -> None:
    assert choose_line([A, B], conversation=None) == Chosen(line_id="b", starts_conversation=True)


def test_a_new_conversation_goes_to_the_line_that_the_message_names() -> None:
    assert choose_line([A, B], conversation=None, wished="a") == Chosen(line_id="a", starts_conversation=True)


def test_a_named_line_that_is_down_gives_a_new_conversation_to_another() -> None:
    lines = [as_state("a", LineState.DOWN), B]
    assert choose_line(lines, conversation=None, wished="a") == Chosen(line_id="b", starts_conversation=True)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (LineState.DOWN, Reason.LINE_DOWN),
        (LineState.PAUSED, Reason.LINE_PAUSED),
        (LineState.STOPPED, Reason.STOPPED_LINE),
        (LineState.MISCONFIGURED, Reason.LINE_FAULT),
    ],
)
def test_a_conversation_waits_for_its_line(state: LineState, reason: Reason) -> None:
    assert choose_line([as_state("a", state), B], conversation="a") == NoLine(reason=reason)


def test_a_conversation_whose_line_is_gone_starts_anew_on_another() -> None:
    lines = [as_state("a", LineState.RETIRED), B]
    assert choose_line(lines, conversation="a") == Chosen(line_id="b", starts_conversation=True)
    assert choose_line([B], conversation="a") == Chosen(line_id="b", starts_conversation=True)


def test_a_degraded_line_is_used_where_no_better_one_is() -> None:
    weak = as_state("a", LineState.DEGRADED)
    assert choose_line([weak, B], conversation=None) == Chosen(line_id="b", starts_conversation=True)
    assert choose_line([weak], conversation=None) == Chosen(line_id="a", starts_conversation=True)


def test_a_line_that_cannot_reach_the_handle_is_left_out() -> None:
    deaf = Candidate(line_id="a", state=LineState.READY, reaches=False)
    assert choose_line([deaf, B], conversation=None) == Chosen(line_id="b", starts_conversation=True)
    assert choose_line([deaf], conversation=None) == NoLine(reason=Reason.NO_LINE)


def test_without_a_usable_line_the_most_hopeful_reason_is_given() -> None:
    lines = [as_state("a", LineState.PAUSED), as_state("b", LineState.DOWN)]
    assert choose_line(lines, conversation=None) == NoLine(reason=Reason.LINE_DOWN)
    assert choose_line([], conversation=None) == NoLine(reason=Reason.NO_LINE)
