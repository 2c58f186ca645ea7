"""Budgets while Redis is away: the same limits, and nothing forgotten once Redis is back."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database

from libs.common.budgets.contract import Granted, Later, WorkspaceBudget
from libs.common.budgets.fallback import BudgetsWithFallback
from libs.common.budgets.mongo_budgets import MongoBudgets
from libs.common.budgets.records import RecordReader
from libs.common.budgets.redis_budgets import RedisBudgets
from libs.common.budgets.slots import WINDOW_MS
from libs.common.errors import StoreUnavailable
from libs.common.messages.reasons import Reason
from libs.common.stores.collections import BUDGET_SLOTS, MESSAGES
from libs.common.stores.locks import LockStore
from libs.common.stores.mongo import Document
from libs.common.stores.workspace_limits import WorkspaceLimits, WorkspaceLimitStore
from tests.integration.budgets.conftest import HandClock
from tests.integration.budgets.factories import LINE, UTC_ZONE, line, wish, workspace

ALICE = "+12125550100"


@pytest.fixture
def limits(database: Database[Document]) -> WorkspaceLimitStore:
    return WorkspaceLimitStore(database, defaults=WorkspaceLimits(zone=UTC_ZONE))


@pytest.fixture
def away(database: Database[Document], limits: WorkspaceLimitStore, clock: HandClock) -> MongoBudgets:
    return MongoBudgets(database, RecordReader(database, region="US"), limits, clock=clock)


def new_id() -> str:
    return str(ObjectId())


def later(answer: Granted | Later) -> Later:
    assert isinstance(answer, Later)
    return answer


class TestTheSameLimits:
    def test_many_at_once_share_one_limit(self, away: MongoBudgets) -> None:
        place = workspace(line(per_day=5))
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda n: away.reserve(place, wish(f"r{n}")), range(10)))
        assert sum(isinstance(answer, Granted) for answer in answers) == 5

    def test_above_a_limit_the_message_has_its_own_moment(self, away: MongoBudgets, clock: HandClock) -> None:
        place = workspace(line(per_minute=1))
        answers = [away.reserve(place, wish(f"r{n}")) for n in range(3)]
        waits = [(later(answer).at - clock.now()) // timedelta(milliseconds=1) for answer in answers[1:]]
        assert waits == [WINDOW_MS, 2 * WINDOW_MS]

    def test_the_same_message_is_counted_once_and_keeps_its_moment(self, away: MongoBudgets, clock: HandClock) -> None:
        place = workspace(line(per_minute=1, per_day=2))
        away.reserve(place, wish("a"))
        second = wish("b")
        moment = later(away.reserve(place, second)).at
        assert later(away.reserve(place, second)).at == moment
        clock.at = moment
        assert away.reserve(place, second) == Granted()
        assert later(away.reserve(place, wish("c"))).reason is Reason.LINE_PER_DAY

    def test_what_did_not_go_is_given_back(self, away: MongoBudgets) -> None:
        place = workspace(line(per_day=1, new_conversations_per_day=1))
        first = wish("a", new=True)
        assert away.reserve(place, first) == Granted()
        assert away.still_reserved(place, first)
        away.give_back("w1", first)
        assert not away.still_reserved(place, first)
        assert away.reserve(place, wish("b", new=True)) == Granted()

    def test_what_redis_let_through_before_counts(
        self, away: MongoBudgets, database: Database[Document], clock: HandClock
    ) -> None:
        database[MESSAGES].insert_one(
            {"workspaceId": "w1", "to": ALICE, "lineId": ObjectId(LINE), "dispatchedAt": clock.now()}
        )
        assert isinstance(away.reserve(workspace(line(per_day=1)), wish("b")), Later)
        assert away.loads(workspace(line(per_day=4))) == {LINE: 0.25}


class TestOnceRedisIsBack:
    def ask_redis(self, budgets: RedisBudgets, limits: WorkspaceLimitStore, **caps: int) -> Granted | Later:
        place = workspace(line(**caps), epoch=limits.get("w1").epoch)  # type: ignore[arg-type]  # limits only
        return budgets.reserve(place, wish(new_id()))

    def test_what_was_granted_meanwhile_counts(
        self, away: MongoBudgets, budgets: RedisBudgets, limits: WorkspaceLimitStore
    ) -> None:
        budgets.reserve(workspace(line(per_day=3)), wish("before", message=new_id()))
        away.reserve(workspace(line(per_day=3)), wish("a"))
        away.reserve(workspace(line(per_day=3)), wish("b"))
        assert isinstance(self.ask_redis(budgets, limits, per_day=2), Later)
        assert isinstance(self.ask_redis(budgets, limits, per_day=3), Granted)

    def test_a_slot_whose_message_went_is_counted_once(
        self,
        away: MongoBudgets,
        budgets: RedisBudgets,
        limits: WorkspaceLimitStore,
        database: Database[Document],
        clock: HandClock,
    ) -> None:
        message = new_id()
        away.reserve(workspace(line(per_day=2)), wish("a", message=message))
        sent: dict[str, Any] = {"workspaceId": "w1", "to": "a", "lineId": ObjectId(LINE), "dispatchedAt": clock.now()}
        database[MESSAGES].insert_one({"_id": ObjectId(message), **sent})
        assert self.ask_redis(budgets, limits, per_day=2) == Granted()

    def test_what_was_promised_meanwhile_keeps_its_moment(
        self, away: MongoBudgets, budgets: RedisBudgets, limits: WorkspaceLimitStore
    ) -> None:
        place = workspace(line(per_minute=1))
        away.reserve(place, wish("a"))
        waiting = wish("b")
        promised = later(away.reserve(place, waiting))
        back = workspace(line(per_minute=1), epoch=limits.get("w1").epoch)
        assert later(budgets.reserve(back, waiting)).at == promised.at
        assert later(budgets.reserve(back, wish("c"))).at == promised.at + timedelta(milliseconds=WINDOW_MS)


class Gone:
    """Budgets whose Redis is away."""

    def __init__(self) -> None:
        self.asked = 0

    def __getattr__(self, _name: str) -> Any:
        def refuse(*_args: object) -> None:
            self.asked += 1
            raise StoreUnavailable("redis", "gone")

        return refuse


class TestChoosing:
    @pytest.fixture
    def gone(self) -> Gone:
        return Gone()

    def test_redis_away_means_mongodb_and_is_not_asked_for_a_while(self, gone: Gone, away: MongoBudgets) -> None:
        time = [100.0]
        both = BudgetsWithFallback(gone, away, leave_alone=timedelta(seconds=3), monotonic=lambda: time[0])
        place: WorkspaceBudget = workspace()
        assert both.reserve(place, wish("a")) == Granted()
        assert both.reserve(place, wish("b")) == Granted()
        assert gone.asked == 1
        time[0] += 3
        assert both.loads(place) == {LINE: 0.002}
        assert gone.asked == 2

    def test_a_reservation_from_before_no_longer_stands_and_is_made_anew(
        self, gone: Gone, away: MongoBudgets, budgets: RedisBudgets, database: Database[Document]
    ) -> None:
        mine = wish("a")
        assert BudgetsWithFallback(budgets, away).reserve(workspace(), mine) == Granted()
        both = BudgetsWithFallback(gone, away)
        assert not both.still_reserved(workspace(), mine)
        assert both.reserve(workspace(), mine) == Granted()
        assert database[BUDGET_SLOTS].count_documents({}) == 1


class TestLocks:
    def test_a_lock_is_held_by_one(self, database: Database[Document]) -> None:
        locks = LockStore(database)
        with (
            locks.held("x", lease=timedelta(seconds=10), patience=timedelta(0)),
            pytest.raises(StoreUnavailable, match="locked by others"),
            locks.held("x", lease=timedelta(seconds=10), patience=timedelta(milliseconds=50)),
        ):
            pass
        with locks.held("x", lease=timedelta(seconds=10), patience=timedelta(0)):
            pass

    def test_a_lock_whose_holder_died_is_free_after_its_lease(self, database: Database[Document]) -> None:
        locks = LockStore(database)
        locks._take("x", "dead", timedelta(milliseconds=100))
        with locks.held("x", lease=timedelta(seconds=1), patience=timedelta(seconds=2)):
            assert not locks._take("x", "third", timedelta(seconds=1))
