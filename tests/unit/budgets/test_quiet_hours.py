"""When a line may send: windows by local day, with quiet hours and clock changes."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given
from hypothesis import strategies as st

from libs.common.budgets.quiet_hours import QuietHours, Window, windows

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = QuietHours(start=time(21), end=time(9))
ZONES = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
SECONDS_OF_TEN_YEARS = st.integers(1_577_836_800, 1_924_992_000)
MOMENTS = SECONDS_OF_TEN_YEARS.map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
MINUTES = st.times().map(lambda t: t.replace(second=0, microsecond=0))


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]  # year, month, day, hour, minute


def is_quiet(moment: datetime, quiet: QuietHours, zone: ZoneInfo) -> bool:
    wall = moment.astimezone(zone).time().replace(tzinfo=None)
    if quiet.start <= quiet.end:
        return quiet.start <= wall < quiet.end
    return wall >= quiet.start or wall < quiet.end


def test_a_night_leaves_one_window_a_day() -> None:
    found = list(windows(NIGHT, BERLIN, start=utc(2026, 1, 10, 12), days=2))
    assert found == [
        Window(opens=utc(2026, 1, 10, 12), closes=utc(2026, 1, 10, 20), day=date(2026, 1, 10)),
        Window(opens=utc(2026, 1, 11, 8), closes=utc(2026, 1, 11, 20), day=date(2026, 1, 11)),
    ]


def test_a_siesta_leaves_two() -> None:
    siesta = QuietHours(start=time(13), end=time(15))
    found = [(w.opens.hour, w.closes.hour) for w in windows(siesta, BERLIN, start=utc(2026, 1, 9, 23), days=1)]
    assert found == [(23, 12), (14, 23)]


def test_no_quiet_hours_leave_the_whole_day() -> None:
    (only,) = windows(None, BERLIN, start=utc(2026, 1, 9, 23), days=1)
    assert (only.opens, only.closes) == (utc(2026, 1, 9, 23), utc(2026, 1, 10, 23))


def test_equal_ends_mean_no_quiet_hours() -> None:
    (only,) = windows(QuietHours(start=time(9), end=time(9)), BERLIN, start=utc(2026, 1, 9, 23), days=1)
    assert only.closes - only.opens == timedelta(hours=24)


def test_quiet_hours_that_end_in_the_skipped_hour_end_at_the_change() -> None:
    (window,) = windows(QuietHours(start=time(21), end=time(2, 30)), BERLIN, start=utc(2026, 3, 29, 0), days=1)
    assert window.opens == utc(2026, 3, 29, 1)


def test_quiet_hours_that_end_in_the_repeated_hour_end_at_its_second_reading() -> None:
    (window,) = windows(QuietHours(start=time(21), end=time(2, 30)), BERLIN, start=utc(2026, 10, 25, 0), days=1)
    assert window.opens == utc(2026, 10, 25, 1, 30)


def test_a_day_has_23_or_25_hours_when_clocks_change() -> None:
    spring = sum((w.closes - w.opens for w in windows(None, BERLIN, start=utc(2026, 3, 28, 23), days=1)), timedelta())
    autumn = sum((w.closes - w.opens for w in windows(None, BERLIN, start=utc(2026, 10, 24, 22), days=1)), timedelta())
    assert (spring, autumn) == (timedelta(hours=23), timedelta(hours=25))


@given(start=MOMENTS, zone=ZONES, quiet_start=MINUTES, quiet_end=MINUTES)
def test_windows_are_in_order_within_their_day_and_never_quiet(
    start: datetime, zone: ZoneInfo, quiet_start: time, quiet_end: time
) -> None:
    quiet = QuietHours(start=quiet_start, end=quiet_end)
    found = list(windows(quiet, zone, start=start, days=4))
    assert all(window.opens < window.closes for window in found)
    assert all(one.closes <= next_.opens for one, next_ in pairwise(found))
    for window in found:
        assert window.opens >= start
        for moment in (window.opens, window.opens + (window.closes - window.opens) / 2):
            assert moment.astimezone(zone).date() == window.day
            assert not is_quiet(moment, quiet, zone)
        assert not is_quiet(window.closes - timedelta(microseconds=1), quiet, zone)


@given(start=MOMENTS, zone=ZONES)
def test_without_quiet_hours_no_moment_is_left_out(start: datetime, zone: ZoneInfo) -> None:
    found = list(windows(None, zone, start=start, days=3))
    assert found[0].opens == start
    assert all(one.closes == next_.opens for one, next_ in pairwise(found))
