"""What stops mean for a message."""

from datetime import UTC, datetime, timedelta
from typing import Any

from libs.common.messages.reasons import Reason
from libs.common.messages.stops import HOLD_UNTIL_LOOKING_AGAIN, Cancel, Hold, Stop, StopScope, decide_stops

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def stop(scope: StopScope = StopScope.CAMPAIGN, **fields: Any) -> Stop:
    return Stop(scope=scope, workspace_id="w", target="t", at=NOW - timedelta(hours=1), **fields)


def decide(*stops: Stop, opted_out: bool = False) -> Hold | Cancel | None:
    return decide_stops(stops, opted_out=opted_out, now=NOW)


def test_without_a_stop_a_message_goes() -> None:
    assert decide() is None


def test_a_stop_holds_and_looks_again() -> None:
    assert decide(stop()) == Hold(until=NOW + HOLD_UNTIL_LOOKING_AGAIN, reason=Reason.STOPPED_CAMPAIGN)


def test_a_stop_with_an_end_holds_until_then() -> None:
    until = NOW + timedelta(days=1)
    assert decide(stop(StopScope.LINE, until=until)) == Hold(until=until, reason=Reason.STOPPED_LINE)


def test_a_stop_that_has_ended_stops_nothing() -> None:
    assert decide(stop(until=NOW)) is None


def test_a_stop_may_cancel() -> None:
    assert decide(stop(StopScope.WORKSPACE, cancels=True), stop()) == Cancel(reason=Reason.STOPPED_WORKSPACE)


def test_an_opt_out_outranks_everything() -> None:
    assert decide(stop(), opted_out=True) == Cancel(reason=Reason.OPTED_OUT)
    said_so = stop(StopScope.RECIPIENT, cancels=True, reason="opted_out")
    assert decide(stop(cancels=True), said_so) == Cancel(reason=Reason.OPTED_OUT)


def test_of_stops_that_hold_the_longest_counts() -> None:
    short = stop(StopScope.LINE, until=NOW + timedelta(minutes=1))
    assert decide(short, stop()) == Hold(until=NOW + HOLD_UNTIL_LOOKING_AGAIN, reason=Reason.STOPPED_CAMPAIGN)


def test_how_long_after_a_stop_the_last_message_left_is_known() -> None:
    assert stop().last_left_after is None
    assert stop(last_left_at=NOW).last_left_after == timedelta(hours=1)
