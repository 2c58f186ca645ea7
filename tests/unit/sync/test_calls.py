"""One call to a CRM: waits, retries, a renewed access token."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from libs.common.providers.observed import CallOutcome
from services.sync.sources.calls import Calls, translated
from services.sync.sources.contract import (
    AuthRejected,
    RateLimited,
    ReadingStopped,
    SourceUnavailable,
    WrongRequest,
)
from services.sync.sources.pauses import Pauses
from tests.unit.sync.factories import MONDAY


class Time:
    """A clock and a source of pauses that agree: waiting moves the clock and takes no time."""

    def __init__(self) -> None:
        self.waited: list[float] = []
        self._now = MONDAY

    def now(self) -> datetime:
        return self._now

    def wait(self, seconds: float) -> None:
        if seconds > 0:
            self.waited.append(seconds)
            self._now += timedelta(seconds=seconds)

    def monotonic(self) -> float:
        return self._now.timestamp()


class FakePauses(Pauses):
    def __init__(self, time: Time) -> None:
        super().__init__(monotonic=time.monotonic)
        self._time = time

    def wait(self, seconds: float) -> None:
        self._time.wait(seconds)


class Tokens:
    """Hands out numbered tokens."""

    def __init__(self) -> None:
        self.renewals = 0
        self.faults: list[Exception] = []

    def current(self) -> Mapping[str, str]:
        if self.faults:
            raise self.faults.pop(0)
        return {"accessToken": f"token-{self.renewals}"}

    def renewed(self, refused: Mapping[str, str]) -> Mapping[str, str]:
        self.renewals += 1
        return self.current()


class Desk:
    """Calls with everything around them in hand."""

    def __init__(self) -> None:
        self.time = Time()
        self.tokens = Tokens()
        self.limits: list[datetime] = []
        self.calls = Calls(
            self.tokens,
            provider="a-crm",
            limited=self.limits.append,
            pauses=FakePauses(self.time),
            clock=self.time,
            jitter=lambda: 1.0,
        )
        self.made: list[tuple[str, datetime]] = []

    def make(self, *outcomes: Exception | str, per_second: float = 0) -> str:
        """Makes a call whose tries end one after the other in these outcomes."""
        following = iter(outcomes)

        def call(access: Mapping[str, str]) -> str:
            self.made.append((access["accessToken"], self.time.now()))
            outcome = next(following)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        return self.calls.make(call, per_second=per_second)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_refused_token_is_renewed_once_and_the_call_made_again(desk: Desk) -> None:
    assert desk.make(AuthRejected(), "answer") == "answer"
    assert [token for token, _at in desk.made] == ["token-0", "token-1"]


def test_a_token_that_is_refused_right_after_its_renewal_ends_the_call(desk: Desk) -> None:
    with pytest.raises(AuthRejected):
        desk.make(AuthRejected(), AuthRejected(), "never")
    assert desk.tokens.renewals == 1


def test_a_short_rate_limit_is_waited_for_to_its_very_end(desk: Desk) -> None:
    until = MONDAY + timedelta(seconds=4)
    assert desk.make(RateLimited(until, "secondly"), "answer") == "answer"
    assert [at for _token, at in desk.made] == [MONDAY, until]
    assert desk.limits == [until]


def test_a_long_rate_limit_is_told_to_everybody_and_not_waited_for(desk: Desk) -> None:
    until = MONDAY + timedelta(seconds=6)
    with pytest.raises(RateLimited):
        desk.make(RateLimited(until, "daily"), "never")
    assert (desk.limits, desk.time.waited) == ([until], [])


def test_a_passing_fault_is_tried_again_with_growing_pauses(desk: Desk) -> None:
    fault = SourceUnavailable("502")
    assert desk.make(fault, fault, fault, "answer") == "answer"
    assert desk.time.waited == [0.5, 1.0, 2.0]


def test_a_fault_that_stays_is_given_up(desk: Desk) -> None:
    with pytest.raises(SourceUnavailable):
        desk.make(*[SourceUnavailable("502")] * 4, "never")
    assert len(desk.made) == 4


def test_a_fault_that_asks_for_time_gets_it(desk: Desk) -> None:
    desk.make(SourceUnavailable("503", after=timedelta(seconds=3)), "answer")
    assert desk.time.waited == [3.0]
    with pytest.raises(SourceUnavailable):
        desk.make(SourceUnavailable("503", after=timedelta(seconds=60)), "never")


def test_a_token_that_cannot_be_had_at_once_is_asked_for_again(desk: Desk) -> None:
    desk.tokens.faults = [SourceUnavailable("down"), SourceUnavailable("down")]
    assert desk.make("answer") == "answer"
    assert desk.time.waited == [0.5, 1.0]


def test_credentials_that_give_no_token_end_the_call(desk: Desk) -> None:
    desk.tokens.faults = [AuthRejected("revoked")]
    with pytest.raises(AuthRejected):
        desk.make("never")
    assert desk.made == []


def test_what_asking_again_does_not_change_is_not_asked_again(desk: Desk) -> None:
    with pytest.raises(WrongRequest):
        desk.make(WrongRequest("no such field"), "never")
    assert len(desk.made) == 1


def test_calls_are_kept_apart(desk: Desk) -> None:
    for _ in range(5):
        desk.make("answer", per_second=4)
    gaps = [(later[1] - earlier[1]).total_seconds() for earlier, later in zip(desk.made, desk.made[1:], strict=False)]
    assert gaps == [0.25] * 4


def test_a_stopped_source_waits_no_more() -> None:
    pauses = Pauses()
    pauses.stop()
    with pytest.raises(ReadingStopped):
        pauses.wait(60)


def test_an_exception_that_means_nothing_passes_as_it_is() -> None:
    meaning: Callable[[Exception], WrongRequest | None] = lambda error: (  # noqa: E731 - two lines say it best
        WrongRequest("meant") if isinstance(error, ValueError) else None
    )
    with pytest.raises(WrongRequest, match="meant"), translated(meaning):
        raise ValueError
    with pytest.raises(ZeroDivisionError), translated(meaning):
        raise ZeroDivisionError


def test_calls_are_counted_by_how_they_ended(desk: Desk) -> None:
    before = {outcome: _counted(outcome) for outcome in CallOutcome}
    desk.make(SourceUnavailable("503"), "rows")
    with pytest.raises(WrongRequest):
        desk.make(WrongRequest("no such field"))
    counted = {outcome: _counted(outcome) - before[outcome] for outcome in CallOutcome}
    assert {outcome: number for outcome, number in counted.items() if number} == {
        CallOutcome.ANSWERED: 1,
        CallOutcome.FAILED: 1,
        CallOutcome.REJECTED: 1,
    }


def _counted(outcome: CallOutcome) -> float:
    return (
        REGISTRY.get_sample_value("tuco_provider_calls_total", {"provider": "a-crm", "outcome": outcome.value}) or 0.0
    )
