"""Waiting for a condition."""

import pytest

from tests.waiting import wait_until


def test_the_first_true_value_is_returned() -> None:
    answers = iter([0, None, "ready", "never asked"])
    assert wait_until(lambda: next(answers), interval_s=0) == "ready"
    assert next(answers) == "never asked"


def test_a_condition_that_never_holds_fails_with_its_words_and_its_last_value() -> None:
    with pytest.raises(AssertionError, match=r"within 0\.02 seconds: the queue is empty \(last value: \[\]\)"):
        wait_until(list, deadline_s=0.02, message="the queue is empty")


def test_a_fault_of_the_condition_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        wait_until(lambda: 1 / 0)
