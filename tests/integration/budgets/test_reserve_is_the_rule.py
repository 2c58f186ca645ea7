"""The script in Redis and the rule in Python give the same answers, whatever is asked in whatever order."""

from typing import Any
from uuid import uuid4

import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.common.budgets.contract import Granted, LineBudget, Wish
from libs.common.budgets.limits import LineLimits
from libs.common.budgets.openings import horizon_of, openings_of
from libs.common.budgets.redis_budgets import FAR_DAYS
from libs.common.budgets.slots import Pace
from libs.common.clock import from_ms, to_ms
from libs.common.messages.reasons import Reason
from tests.integration.budgets.conftest import HandClock, MakeBudgets, noon_tomorrow
from tests.integration.budgets.factories import LINE, NIGHT, UTC_ZONE, workspace
from tests.unit.budgets.book import Book

HOUR = 3600

STEPS = st.lists(
    st.fixed_dictionaries(
        {
            "do": st.sampled_from(["reserve", "reserve", "reserve", "give back"]),
            "message": st.integers(0, 9),
            "new": st.booleans(),
            "wait_ms": st.one_of(st.integers(0, 3_000), st.integers(0, 90_000), st.integers(0, 20 * HOUR * 1000)),
        }
    ),
    min_size=1,
    max_size=40,
)
LIMIT = st.one_of(st.none(), st.integers(0, 5))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=STEPS,
    per_minute=LIMIT,
    per_day=LIMIT,
    new_per_day=LIMIT,
    workspace_per_day=LIMIT,
    night=st.booleans(),
    gap_s=st.sampled_from([0, 30, 2 * HOUR]),
)
def test_redis_answers_as_the_rule_does(
    make_budgets: MakeBudgets,
    clock: HandClock,
    redis_client: "redis.Redis",
    steps: list[dict[str, Any]],
    per_minute: int | None,
    per_day: int | None,
    new_per_day: int | None,
    workspace_per_day: int | None,
    night: bool,
    gap_s: int,
) -> None:
    clock.at = noon_tomorrow()
    budgets, book = make_budgets(), Book()
    limits = LineLimits(per_minute=per_minute, per_day=per_day, new_conversations_per_day=new_per_day)
    the_line = LineBudget(line_id=LINE, zone=UTC_ZONE, quiet=NIGHT if night else None, limits=limits)
    place = workspace(the_line, workspace_id=uuid4().hex, per_day=workspace_per_day, gap_s=gap_s)
    pace = Pace(per_minute=per_minute, gap_ms=budgets._gap_ms(the_line), recipient_gap_ms=gap_s * 1000)
    for step in steps:
        clock.at = from_ms(to_ms(clock.at) + step["wait_ms"])
        message, recipient = f"m{step['message']}", f"r{step['message'] % 4}"
        wish = Wish(message_id=message, line_id=LINE, recipient=recipient, starts_conversation=step["new"])
        if step["do"] == "give back":
            budgets.give_back(place.workspace_id, wish)
            book.entries.pop(message, None)
            continue
        expected = book.ask(
            message,
            now_ms=to_ms(clock.at),
            is_new=step["new"],
            recipient=recipient,
            openings=openings_of(the_line, place, now=clock.at, days=FAR_DAYS),
            pace=pace,
            horizon_ms=to_ms(horizon_of(the_line, now=clock.at, days=FAR_DAYS)),
        )
        answer = budgets.reserve(place, wish)
        if expected.at_ms == to_ms(clock.at):
            assert answer == Granted()
            continue
        assert not isinstance(answer, Granted)
        assert (answer.reason, answer.promised) == (expected.reason, expected.opening is not None or expected.kept)
        if answer.promised or answer.reason is Reason.RECIPIENT_GAP:
            assert to_ms(answer.at) == expected.at_ms
        else:
            assert to_ms(answer.at) >= expected.at_ms
