"""The next free slot: limits per minute and day, gaps, quiet openings, and what waiting messages are promised."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.budgets.slots import LATE_OK_MS, WINDOW_MS, Opening, Pace
from libs.common.messages.reasons import Reason
from tests.unit.budgets.book import Book

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def day(number: int, *, opens: int = 0, closes: int = DAY, **caps: int) -> Opening:
    start = number * DAY
    return Opening(
        opens_ms=start + opens, closes_ms=start + closes, line_day=f"d{number}", workspace_day=f"d{number}", **caps
    )


def test_a_message_goes_at_once_where_nothing_binds() -> None:
    placement = Book().ask("a", now_ms=5, openings=[day(0)], pace=Pace())
    assert (placement.at_ms, placement.reason) == (5, None)


def test_the_message_above_the_minutes_limit_waits_until_the_first_has_left_the_window() -> None:
    book, pace = Book(), Pace(per_minute=2)
    assert [book.ask(name, now_ms=1_000, openings=[day(0)], pace=pace).at_ms for name in "ab"] == [1_000, 1_000]
    third = book.ask("c", now_ms=1_000, openings=[day(0)], pace=pace)
    assert (third.at_ms, third.reason) == (1_000 + WINDOW_MS, Reason.LINE_PER_MINUTE)


def test_waiting_messages_are_given_slots_of_their_own() -> None:
    book, pace = Book(), Pace(per_minute=1)
    found = [book.ask(f"m{n}", now_ms=0, openings=[day(0)], pace=pace).at_ms for n in range(4)]
    assert found == [0, WINDOW_MS, 2 * WINDOW_MS, 3 * WINDOW_MS]


def test_a_message_that_wakes_in_time_takes_the_slot_that_it_holds() -> None:
    book, pace = Book(), Pace(per_minute=1)
    for name in "abc":
        book.ask(name, now_ms=0, openings=[day(0)], pace=pace)
    woken = book.ask("b", now_ms=WINDOW_MS + 100, openings=[day(0)], pace=pace)
    assert (woken.at_ms, woken.reason, woken.kept) == (WINDOW_MS + 100, None, True)


def test_a_message_that_wakes_early_is_told_its_slot_again() -> None:
    book, pace = Book(), Pace(per_minute=1)
    for name in "ab":
        book.ask(name, now_ms=0, openings=[day(0)], pace=pace)
    early = book.ask("b", now_ms=10_000, openings=[day(0)], pace=pace)
    assert (early.at_ms, early.kept) == (WINDOW_MS, True)


def test_messages_that_wake_too_late_do_not_burst() -> None:
    book, pace = Book(), Pace(per_minute=2)
    names = [f"m{n}" for n in range(10)]
    for name in names:
        book.ask(name, now_ms=0, openings=[day(0)], pace=pace)
    late = HOUR
    found = [book.ask(name, now_ms=late, openings=[day(0)], pace=pace) for name in names]
    assert [placement.at_ms for placement in found].count(late) == 2
    assert max(placement.at_ms for placement in found) == late + 4 * WINDOW_MS


def test_a_slot_is_not_taken_late_into_quiet_hours() -> None:
    book, pace = Book(), Pace(per_minute=1)
    openings = [day(0, closes=WINDOW_MS + 1), day(1)]
    for name in "ab":
        book.ask(name, now_ms=0, openings=openings, pace=pace)
    woken = book.ask("b", now_ms=WINDOW_MS + 500, openings=[day(1)], pace=pace)
    assert (woken.at_ms, woken.reason) == (DAY, Reason.QUIET_HOURS)


def test_outside_an_opening_the_next_one_is_named_with_quiet_hours() -> None:
    placement = Book().ask("a", now_ms=HOUR, openings=[day(0, opens=9 * HOUR)], pace=Pace())
    assert (placement.at_ms, placement.reason) == (9 * HOUR, Reason.QUIET_HOURS)


def test_above_the_lines_day_the_next_day_is_named() -> None:
    book = Book()
    openings = [day(0, per_day=1), day(1, per_day=1)]
    book.ask("a", now_ms=0, openings=openings, pace=Pace())
    placement = book.ask("b", now_ms=0, openings=openings, pace=Pace())
    assert (placement.at_ms, placement.reason) == (DAY, Reason.LINE_PER_DAY)


def test_new_conversations_wait_while_known_ones_go_on() -> None:
    book = Book()
    openings = [day(0, new_per_day=1), day(1, new_per_day=1)]
    book.ask("a", now_ms=0, is_new=True, openings=openings, pace=Pace())
    new = book.ask("b", now_ms=0, is_new=True, openings=openings, pace=Pace())
    known = book.ask("c", now_ms=0, openings=openings, pace=Pace())
    assert (new.at_ms, new.reason) == (DAY, Reason.NEW_CONVERSATIONS_PER_DAY)
    assert known.at_ms == 0


def test_two_messages_to_one_new_recipient_are_one_new_conversation() -> None:
    book = Book()
    openings = [day(0, new_per_day=1)]
    book.ask("a", now_ms=0, is_new=True, recipient="r", openings=openings, pace=Pace())
    second = book.ask("b", now_ms=1, is_new=True, recipient="r", openings=openings, pace=Pace())
    assert second.at_ms == 1


def test_the_workspaces_day_binds_across_days_of_the_line() -> None:
    book = Book()
    openings = [day(0, workspace_per_day=1), day(1, workspace_per_day=1)]
    book.ask("a", now_ms=0, openings=openings, pace=Pace())
    assert book.ask("b", now_ms=0, openings=openings, pace=Pace()).reason is Reason.WORKSPACE_PER_DAY


def test_a_recipient_is_left_in_peace_for_the_gap_without_holding_up_others() -> None:
    book, pace = Book(), Pace(per_minute=100, recipient_gap_ms=HOUR)
    book.ask("a", now_ms=0, recipient="r", openings=[day(0)], pace=pace)
    again = book.ask("b", now_ms=10, recipient="r", openings=[day(0)], pace=pace)
    assert (again.at_ms, again.reason, again.opening) == (HOUR, Reason.RECIPIENT_GAP, None)
    assert book.ask("c", now_ms=10, recipient="s", openings=[day(0)], pace=pace).at_ms == 10


def test_a_message_does_not_overtake_an_earlier_one_to_the_same_recipient() -> None:
    book, pace = Book(), Pace(per_minute=1)
    book.ask("x", now_ms=0, openings=[day(0)], pace=pace)
    first = book.ask("a", now_ms=0, recipient="r", openings=[day(0)], pace=pace)
    second = book.ask("b", now_ms=1, recipient="r", openings=[day(0)], pace=pace)
    assert second.at_ms == first.at_ms


def test_a_limit_of_nothing_looks_no_further_than_the_horizon() -> None:
    placement = Book().ask("a", now_ms=0, openings=[day(0, per_day=0)], pace=Pace(), horizon_ms=DAY)
    assert (placement.at_ms, placement.reason, placement.opening) == (DAY, Reason.LINE_PER_DAY, None)


def test_no_message_a_minute_is_a_limit_too() -> None:
    placement = Book().ask("a", now_ms=0, openings=[day(0)], pace=Pace(per_minute=0), horizon_ms=DAY)
    assert (placement.at_ms, placement.reason) == (DAY, Reason.LINE_PER_MINUTE)


ASKS = st.lists(
    st.fixed_dictionaries(
        {
            "message": st.integers(0, 12),
            "recipient": st.integers(0, 6),
            "is_new": st.booleans(),
            "gap": st.integers(0, 5_000),
            "wait": st.one_of(st.integers(0, 1_000), st.integers(0, 6 * HOUR)),
        }
    ),
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(asks=ASKS, per_minute=st.integers(1, 4), per_day=st.integers(1, 8), new_per_day=st.integers(0, 4))
def test_no_promise_ever_breaks_a_limit(
    asks: list[dict[str, int]], per_minute: int, per_day: int, new_per_day: int
) -> None:
    book, now = Book(), 0
    days = [
        day(n, opens=8 * HOUR, closes=20 * HOUR, per_day=per_day, new_per_day=new_per_day, workspace_per_day=per_day)
        for n in range(60)
    ]
    for ask in asks:
        now += ask["wait"]
        placement = book.ask(
            f"m{ask['message']}",
            now_ms=now,
            is_new=bool(ask["is_new"]),
            recipient=f"r{ask['recipient']}",
            openings=[opening for opening in days if opening.closes_ms > now],
            pace=Pace(per_minute=per_minute, gap_ms=ask["gap"]),
            horizon_ms=60 * DAY,
        )
        assert placement.at_ms >= now
        if placement.at_ms > now and not placement.kept:
            assert placement.reason is not None
        entries = list(book.entries.values())
        slots = sorted(entry.at_ms for entry in entries)
        for index in range(len(slots) - per_minute):
            assert slots[index + per_minute] - slots[index] >= WINDOW_MS
        for number in range(60):
            on_day = [entry for entry in entries if entry.opening.line_day == f"d{number}"]
            assert len(on_day) <= per_day
            assert len({entry.recipient for entry in on_day if entry.adds_conversation}) <= new_per_day
            assert all(days[number].opens_ms <= entry.at_ms < days[number].closes_ms for entry in on_day)


@given(per_minute=st.integers(1, 30), count=st.integers(1, 120), gap_share=st.floats(0.5, 1))
def test_a_backlog_is_sent_at_the_full_rate(per_minute: int, count: int, gap_share: float) -> None:
    book = Book()
    gap = int(gap_share * MINUTE / per_minute)
    for n in range(count):
        book.ask(f"m{n}", now_ms=0, openings=[day(n) for n in range(9)], pace=Pace(per_minute=per_minute, gap_ms=gap))
    slots = sorted(entry.at_ms for entry in book.entries.values())
    assert all(later - earlier >= gap for earlier, later in pairwise(slots))
    assert slots[-1] <= count * max(gap, WINDOW_MS / per_minute) + WINDOW_MS
    assert LATE_OK_MS < WINDOW_MS
