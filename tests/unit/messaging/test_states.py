"""The table of a message's states."""

import pytest

from libs.common.messages.states import NEVER_SENT_BY_ITSELF, TRANSITIONS, MessageStatus, sources_of


def test_every_state_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(MessageStatus)


@pytest.mark.parametrize("status", sorted(NEVER_SENT_BY_ITSELF))
def test_nothing_is_sent_from_a_state_that_only_a_person_ends(status: MessageStatus) -> None:
    assert MessageStatus.SENDING not in TRANSITIONS[status]


def test_what_was_delivered_stays_so() -> None:
    assert not TRANSITIONS[MessageStatus.DELIVERED]


def test_a_late_answer_that_it_went_out_is_taken_in_every_state() -> None:
    assert sources_of(MessageStatus.SENT) == set(MessageStatus) - {MessageStatus.SENT, MessageStatus.DELIVERED}


def test_what_was_cancelled_is_queued_by_a_person_or_found_to_have_gone_out() -> None:
    assert TRANSITIONS[MessageStatus.CANCELLED] == {MessageStatus.QUEUED, MessageStatus.SENT}


@pytest.mark.parametrize("status", [MessageStatus.SENT, MessageStatus.DELIVERED])
def test_a_sent_message_is_never_queued_again(status: MessageStatus) -> None:
    assert not TRANSITIONS[status] & {MessageStatus.QUEUED, MessageStatus.SENDING, MessageStatus.UNCERTAIN}


def test_the_sources_of_a_state_are_those_that_may_go_to_it() -> None:
    assert sources_of(MessageStatus.UNCERTAIN) == {MessageStatus.SENDING}
    assert sources_of(MessageStatus.SENDING) == {
        MessageStatus.SCHEDULED,
        MessageStatus.QUEUED,
        MessageStatus.SENDING,
    }
