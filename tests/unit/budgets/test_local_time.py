"""Which instant a wall time stands for on the days clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given
from hypothesis import strategies as st

from libs.common.local_time import first_instant_of, instant_of, local_day

NEW_YORK = ZoneInfo("America/New_York")
ZONES = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31))


def test_a_repeated_time_is_read_as_the_earlier_or_the_later_instant() -> None:
    november = date(2026, 11, 1)
    assert instant_of(november, time(1, 30), NEW_YORK, latest=False) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert instant_of(november, time(1, 30), NEW_YORK, latest=True) == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


def test_a_skipped_time_is_the_instant_of_the_change() -> None:
    march = date(2026, 3, 8)
    change = datetime(2026, 3, 8, 7, tzinfo=UTC)
    assert instant_of(march, time(2, 30), NEW_YORK, latest=False) == change
    assert instant_of(march, time(2, 30), NEW_YORK, latest=True) == change


def test_a_day_whose_midnight_is_skipped_begins_at_the_change() -> None:
    # Cairo's clocks went from 00:00 to 01:00 on 28 April 2023.
    assert first_instant_of(date(2023, 4, 28), ZoneInfo("Africa/Cairo")) == datetime(2023, 4, 27, 22, tzinfo=UTC)


def test_a_day_that_a_zone_left_out_has_no_length() -> None:
    apia = ZoneInfo("Pacific/Apia")
    assert first_instant_of(date(2011, 12, 30), apia) == first_instant_of(date(2011, 12, 31), apia)


@given(day=DAYS, zone=ZONES)
def test_a_day_begins_where_the_calendar_turns(day: date, zone: ZoneInfo) -> None:
    begins = first_instant_of(day, zone)
    assert local_day(begins, zone) >= day
    assert local_day(begins - timedelta(seconds=1), zone) < day


@given(day=DAYS, zone=ZONES, wall=st.times().map(lambda t: t.replace(second=0, microsecond=0)))
def test_the_earlier_reading_is_never_after_the_later(day: date, zone: ZoneInfo, wall: time) -> None:
    earlier = instant_of(day, wall, zone, latest=False)
    later = instant_of(day, wall, zone, latest=True)
    assert earlier <= later
    local = later.astimezone(zone)
    assert (local.date(), local.time().replace(tzinfo=None)) >= (day, wall)
