"""When the last of many messages will have gone."""

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from libs.common.budgets.contract import LineBudget, WorkspaceBudget
from libs.common.budgets.forecast import Forecast, forecast
from libs.common.budgets.limits import LineLimits
from libs.common.budgets.quiet_hours import QuietHours
from libs.common.budgets.records import Records

NOON = datetime(2026, 1, 14, 12, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")


def line(line_id: str, *, quiet: QuietHours | None = None, limits: LineLimits) -> LineBudget:
    return LineBudget(line_id=line_id, zone=UTC_ZONE, quiet=quiet, limits=limits)


def ask(messages: int, *lines: LineBudget, records: Records | None = None, per_day: int | None = None) -> Forecast:
    workspace = WorkspaceBudget(workspace_id="w", zone=UTC_ZONE, lines=lines, per_day=per_day)
    usable = [one.line_id for one in lines]
    return forecast(workspace, usable, records or Records(), messages=messages, now=NOON)


def hours_until(found: Forecast) -> float:
    assert found.last_at is not None
    return (found.last_at - NOON) / timedelta(hours=1)


def test_nothing_to_send_is_done_now() -> None:
    assert ask(0).last_at == NOON


def test_pace_decides_within_a_day() -> None:
    found = ask(600, line("a", limits=LineLimits(per_minute=10)))
    assert 0.98 < hours_until(found) < 1.1


def test_lines_send_side_by_side() -> None:
    lines = [line(name, limits=LineLimits(per_minute=10)) for name in "abcdef"]
    assert hours_until(ask(600, *lines)) < 0.2


def test_days_decide_where_they_are_short() -> None:
    found = ask(100, line("a", limits=LineLimits(per_day=30)))
    assert 60 <= hours_until(found) < 61


def test_new_conversations_decide_where_they_are_shorter() -> None:
    found = ask(100, line("a", limits=LineLimits(per_day=1_000, new_conversations_per_day=50)))
    assert 12 <= hours_until(found) < 13


def test_what_was_promised_already_is_taken_off() -> None:
    records = Records(line_days=Counter({("a", "2026-01-14"): 30}))
    found = ask(30, line("a", limits=LineLimits(per_day=30)), records=records)
    assert 12 <= hours_until(found) < 13


def test_the_workspaces_day_holds_for_all_lines_together() -> None:
    lines = [line(name, limits=LineLimits()) for name in "ab"]
    assert 12 <= hours_until(ask(100, *lines, per_day=60)) < 13


def test_quiet_hours_are_left_out() -> None:
    night = QuietHours(start=time(13), end=time(9))
    found = ask(1_200, line("a", quiet=night, limits=LineLimits(per_minute=10)))
    assert 21 < hours_until(found) < 22.2


def test_what_does_not_fit_a_year_is_said() -> None:
    found = ask(1_000, line("a", limits=LineLimits(per_day=1)))
    assert (found.last_at, found.unplaced) == (None, 635)


def test_without_a_line_nothing_goes() -> None:
    assert ask(5) == Forecast(last_at=None, unplaced=5)
