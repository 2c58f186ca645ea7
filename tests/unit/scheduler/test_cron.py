"""Cron expressions: what they match, what is refused, and the days clocks change."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.cron import parse_cron, parse_zone
from libs.common.errors import InvalidInput

UTC_ZONE = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def ticks(cron: str, zone: ZoneInfo, after: str, until: str) -> list[str]:
    return [f"{t:%d %H:%M}" for t in parse_cron(cron).between(utc(after), utc(until), zone)]


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        ("* * * * *", "2026-01-01T00:00", "2026-01-01T00:01"),
        ("*/5 * * * *", "2026-01-01T00:03", "2026-01-01T00:05"),
        ("0 9 * * 1-5", "2026-01-02T09:00", "2026-01-05T09:00"),
        ("0 0 * * 7", "2026-01-01T00:00", "2026-01-04T00:00"),
        ("0 0 * * sun", "2026-01-01T00:00", "2026-01-04T00:00"),
        ("15,45 8-10/2 * * *", "2026-01-01T08:45", "2026-01-01T10:15"),
        ("0 0 29 feb *", "2026-01-01T00:00", "2028-02-29T00:00"),
        ("0 0 13 * fri", "2026-01-01T00:00", "2026-01-02T00:00"),
        ("0 0 */2 * fri", "2026-01-01T00:00", "2026-01-09T00:00"),
        ("10/20 * * * *", "2026-01-01T00:31", "2026-01-01T00:50"),
        ("@hourly", "2026-01-01T00:00", "2026-01-01T01:00"),
        ("@yearly", "2026-01-01T00:00", "2027-01-01T00:00"),
    ],
)
def test_the_next_tick_is_found(cron: str, after: str, expected: str) -> None:
    assert parse_cron(cron).next_after(utc(after), UTC_ZONE) == utc(expected)


@pytest.mark.parametrize(
    ("cron", "problem"),
    [
        ("* * * *", "five fields"),
        ("60 * * * *", "'60' is no minute; they go from 0 to 59"),
        ("* 24 * * *", "is no hour"),
        ("* * 0 * *", "is no day of the month"),
        ("* * * 13 *", "is no month"),
        ("* * * * 8", "is no day of the week"),
        ("5-3 * * * *", "is no range"),
        ("*/0 * * * *", "is no range"),
        ("*-5 * * * *", "is no range"),
        ("a * * * *", "is no minute"),
        ("1.5 * * * *", "is no minute"),
        ("@noon", "five fields"),
        ("0 0 31 2 *", "no day ever matches"),
    ],
)
def test_a_wrong_expression_is_refused_in_words(cron: str, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem) as refused:
        parse_cron(cron)
    assert refused.value.field == "cron"


@pytest.mark.parametrize("name", ["Berlin", "", "Europe/../etc", "/etc/passwd"])
def test_an_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="IANA"):
        parse_zone(name)


def test_a_set_time_that_is_skipped_fires_once_at_the_change() -> None:
    # Berlin, 29 March 2026: 01:00 UTC is the change from 02:00 to 03:00.
    assert ticks("30 2 * * *", BERLIN, "2026-03-28T02:00", "2026-03-30T12:00") == ["29 01:00", "30 00:30"]


def test_several_skipped_set_times_are_one_tick() -> None:
    assert ticks("*/20 2 * * *", BERLIN, "2026-03-28T12:00", "2026-03-29T12:00") == ["29 01:00"]


def test_a_set_time_that_is_repeated_fires_at_its_first_reading() -> None:
    # Berlin, 25 October 2026: 02:30 is 00:30 UTC and again 01:30 UTC.
    assert ticks("30 2 * * *", BERLIN, "2026-10-24T12:00", "2026-10-25T12:00") == ["25 00:30"]


def test_a_schedule_for_every_hour_goes_by_elapsed_time() -> None:
    assert ticks("0 * * * *", BERLIN, "2026-03-28T23:30", "2026-03-29T03:30") == [
        "29 00:00",
        "29 01:00",
        "29 02:00",
        "29 03:00",
    ]
    assert ticks("30 * * * *", BERLIN, "2026-10-24T23:00", "2026-10-25T02:00") == ["24 23:30", "25 00:30", "25 01:30"]


def test_a_set_hour_follows_the_wall_clock_over_the_year() -> None:
    noon = parse_cron("0 12 * * *")
    assert noon.next_after(utc("2026-01-01T00:00"), BERLIN).hour == 11
    assert noon.next_after(utc("2026-07-01T00:00"), BERLIN).hour == 10


MOMENTS = st.integers(1_577_836_800, 1_924_992_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
ZONES = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)


@settings(deadline=None)
@given(moment=MOMENTS, zone=ZONES)
def test_every_minute_means_every_minute_in_every_zone(moment: datetime, zone: ZoneInfo) -> None:
    found = list(parse_cron("* * * * *").between(moment, moment + timedelta(hours=30), zone))
    assert len(found) == 30 * 60
    assert all(later - earlier == timedelta(minutes=1) for earlier, later in pairwise(found))


@settings(deadline=None)
@given(moment=MOMENTS, zone=ZONES, hour=st.integers(0, 23), minute=st.integers(0, 59))
def test_a_daily_time_comes_once_a_day_in_every_zone(moment: datetime, zone: ZoneInfo, hour: int, minute: int) -> None:
    days = [
        t.astimezone(zone).date()
        for t in parse_cron(f"{minute} {hour} * * *").between(moment, moment + timedelta(days=20), zone)
    ]
    assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(days))
    assert len(days) in (19, 20, 21)
