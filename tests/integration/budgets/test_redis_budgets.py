"""Budgets in Redis: all layers or none, shared by all, given back, and made anew when Redis has lost them."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import redis
from bson import ObjectId
from pymongo.database import Database
from redis.crc import key_slot

from libs.common.budgets.contract import Granted, Later, WorkspaceBudget
from libs.common.budgets.redis_budgets import RedisBudgets
from libs.common.budgets.slots import WINDOW_MS
from libs.common.clock import to_ms
from libs.common.errors import StoreUnavailable
from libs.common.messages.reasons import Reason
from libs.common.stores.collections import MESSAGES
from libs.common.stores.mongo import Document
from tests.integration.budgets.conftest import HandClock, MakeBudgets
from tests.integration.budgets.factories import LINE, NIGHT, OTHER_LINE, line, wish, workspace

ALICE, BOB = "+12125550100", "+12125550101"


def later(answer: Granted | Later) -> Later:
    assert isinstance(answer, Later)
    return answer


def insert(database: Database[Document], **fields: Any) -> str:
    document = {"_id": ObjectId(), "workspaceId": "w1", "to": ALICE, "lineId": ObjectId(LINE), **fields}
    database[MESSAGES].insert_one(document)
    return str(document["_id"])


class TestReserve:
    def test_many_at_once_share_one_limit(self, make_budgets: MakeBudgets) -> None:
        budgets, place = make_budgets(gap=0), workspace(line(per_day=25), line(OTHER_LINE, per_day=25), per_day=40)

        def ask(number: int) -> Granted | Later:
            return budgets.reserve(place, wish(f"r{number}", on=(LINE, OTHER_LINE)[number % 2]))

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(ask, range(80)))
        assert sum(isinstance(answer, Granted) for answer in answers) == 40

    def test_a_layer_that_binds_leaves_the_others_as_they_were(
        self, budgets: RedisBudgets, redis_client: "redis.Redis"
    ) -> None:
        place = workspace(line(per_minute=5), gap_s=3600)
        budgets.reserve(place, wish(ALICE))
        before = everything(redis_client)
        assert later(budgets.reserve(place, wish(ALICE))).reason is Reason.RECIPIENT_GAP
        assert everything(redis_client) == before

    def test_a_slot_is_looked_for_as_far_ahead_as_a_month(self, budgets: RedisBudgets, clock: HandClock) -> None:
        place = workspace(line(per_day=1))
        answers = [budgets.reserve(place, wish(f"r{n}")) for n in range(40)]
        days = [(later(answer).at - clock.now()).days for answer in answers[1:]]
        assert days[:30] == list(range(30))
        assert [later(answer).promised for answer in answers[1:]] == [True] * 30 + [False] * 9
        assert all(timedelta(days=30) <= later(answer).at - clock.now() < timedelta(days=31) for answer in answers[31:])

    def test_a_new_conversation_is_counted_by_recipient(self, budgets: RedisBudgets) -> None:
        place = workspace(line(new_conversations_per_day=1))
        assert budgets.reserve(place, wish(ALICE, new=True)) == Granted()
        assert budgets.reserve(place, wish(ALICE, new=True)) == Granted()
        assert later(budgets.reserve(place, wish(BOB, new=True))).reason is Reason.NEW_CONVERSATIONS_PER_DAY
        assert budgets.reserve(place, wish("+12125550102")) == Granted()

    def test_sends_on_other_lines_count_for_the_workspace_and_the_recipient(self, budgets: RedisBudgets) -> None:
        place = workspace(line(), line(OTHER_LINE), per_day=2, gap_s=60)
        assert budgets.reserve(place, wish(ALICE)) == Granted()
        assert later(budgets.reserve(place, wish(ALICE, on=OTHER_LINE))).reason is Reason.RECIPIENT_GAP
        assert budgets.reserve(place, wish(BOB, on=OTHER_LINE)) == Granted()
        assert later(budgets.reserve(place, wish("x", on=OTHER_LINE))).reason is Reason.WORKSPACE_PER_DAY

    def test_loads_are_the_promised_part_of_the_day(self, budgets: RedisBudgets) -> None:
        place = workspace(line(per_day=4), line(OTHER_LINE))
        budgets.reserve(place, wish())
        budgets.reserve(place, wish(BOB, on=OTHER_LINE))
        assert budgets.loads(place) == {LINE: 0.25, OTHER_LINE: 0.001}

    def test_redis_away_is_said(self, budgets: RedisBudgets, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_args: object, **_kwargs: object) -> None:
            raise redis.ConnectionError("gone")

        monkeypatch.setattr(budgets, "_reserve", refuse)
        with pytest.raises(StoreUnavailable):
            budgets.reserve(workspace(), wish())


class TestGiveBack:
    def test_what_did_not_go_frees_every_layer(self, budgets: RedisBudgets) -> None:
        place = workspace(line(per_minute=1, per_day=1, new_conversations_per_day=1), per_day=1, gap_s=60)
        first = wish(ALICE, new=True)
        assert budgets.reserve(place, first) == Granted()
        budgets.give_back("w1", first)
        assert budgets.reserve(place, wish(ALICE, new=True)) == Granted()

    def test_giving_back_twice_counts_once(self, budgets: RedisBudgets) -> None:
        place = workspace(line(per_day=2))
        first = wish()
        budgets.reserve(place, first)
        budgets.reserve(place, wish(BOB))
        budgets.give_back("w1", first)
        budgets.give_back("w1", first)
        assert budgets.reserve(place, wish("x")) == Granted()
        assert isinstance(budgets.reserve(place, wish("y")), Later)

    def test_a_slot_that_two_give_back_at_once_is_given_back_once(
        self, make_budgets: MakeBudgets, redis_client: "redis.Redis", monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = make_budgets(), make_budgets()
        place, mine = workspace(line(per_day=2)), wish()
        first.reserve(place, mine)
        first.reserve(place, wish(BOB))
        read = redis_client.hget

        def meanwhile_another(*arguments: Any) -> Any:
            found = read(*arguments)
            monkeypatch.setattr(redis_client, "hget", read)
            second.give_back("w1", mine)
            return found

        monkeypatch.setattr(redis_client, "hget", meanwhile_another)
        first.give_back("w1", mine)
        assert first.reserve(place, wish("x")) == Granted()
        assert isinstance(first.reserve(place, wish("y")), Later)

    def test_a_conversation_stays_counted_while_another_message_starts_it_too(self, budgets: RedisBudgets) -> None:
        place = workspace(line(new_conversations_per_day=1))
        first, second = wish(ALICE, new=True), wish(ALICE, new=True)
        budgets.reserve(place, first)
        budgets.reserve(place, second)
        budgets.give_back("w1", first)
        assert isinstance(budgets.reserve(place, wish(BOB, new=True)), Later)
        budgets.give_back("w1", second)
        assert budgets.reserve(place, wish("+12125550102", new=True)) == Granted()

    def test_the_same_message_is_never_counted_twice(self, budgets: RedisBudgets, clock: HandClock) -> None:
        place = workspace(line(per_day=2))
        first = wish()
        for _ in range(5):
            assert budgets.reserve(place, first) == Granted()
            clock.move(minutes=10)
        assert budgets.reserve(place, wish(BOB)) == Granted()
        assert isinstance(budgets.reserve(place, wish("x")), Later)


class TestRebuild:
    def test_a_flushed_redis_is_filled_from_what_was_sent(
        self, budgets: RedisBudgets, database: Database[Document], clock: HandClock, redis_client: "redis.Redis"
    ) -> None:
        place = workspace(line(per_minute=2, per_day=3, new_conversations_per_day=1))
        for seconds, to, new in ((10, ALICE, True), (3600, BOB, False), (86400, "+12125550103", True)):
            at = clock.now() - timedelta(seconds=seconds)
            insert(database, dispatchedAt=at, to=to, startsConversation=new, status="sent")
        redis_client.flushall()
        assert later(budgets.reserve(place, wish("+12125550104", new=True))).reason is Reason.NEW_CONVERSATIONS_PER_DAY
        # Half a minute after the one of ten seconds ago, by the pause between messages.
        paused = later(budgets.reserve(place, wish("+12125550105")))
        assert to_ms(paused.at) == to_ms(clock.now() - timedelta(seconds=10)) + 22_500
        assert later(budgets.reserve(place, wish("+12125550106"))).reason is Reason.LINE_PER_DAY

    def test_promises_survive_a_flush(
        self, budgets: RedisBudgets, database: Database[Document], clock: HandClock, redis_client: "redis.Redis"
    ) -> None:
        place = workspace(line(per_minute=1, quiet=NIGHT))
        assert budgets.reserve(place, wish("a")) == Granted()
        insert(database, dispatchedAt=clock.now(), to="a", status="sent")
        waiting = insert(database, status="queued", to=BOB)
        promised = later(budgets.reserve(place, wish(BOB, message=waiting)))
        written = {"notBefore": promised.at, "promised": True}
        database[MESSAGES].update_one({"_id": ObjectId(waiting)}, {"$set": written})
        redis_client.flushall()
        assert later(budgets.reserve(place, wish("c"))).at == promised.at + timedelta(milliseconds=WINDOW_MS)
        assert later(budgets.reserve(place, wish(BOB, message=waiting))).at == promised.at
        clock.at = promised.at
        assert budgets.reserve(place, wish(BOB, message=waiting)) == Granted()

    def test_a_flush_forgets_no_recipients_gap(
        self, budgets: RedisBudgets, database: Database[Document], clock: HandClock, redis_client: "redis.Redis"
    ) -> None:
        place = workspace(gap_s=7200)
        insert(database, dispatchedAt=clock.now() - timedelta(hours=1), to="(212) 555-0100", status="sent")
        redis_client.flushall()
        assert later(budgets.reserve(place, wish(ALICE))).at == clock.now() + timedelta(hours=1)

    def test_what_was_sent_past_redis_is_counted_once_redis_is_back(
        self, budgets: RedisBudgets, database: Database[Document], clock: HandClock
    ) -> None:
        place = workspace(line(per_day=2))
        assert budgets.reserve(place, wish("x")) == Granted()
        insert(database, dispatchedAt=clock.now() - timedelta(hours=2), status="sent")
        insert(database, dispatchedAt=clock.now() - timedelta(hours=1), status="sent")
        assert isinstance(budgets.reserve(workspace(line(per_day=2), epoch=1), wish("y")), Later)

    def test_many_processes_rebuild_at_once_and_count_right(
        self, make_budgets: MakeBudgets, database: Database[Document], clock: HandClock, redis_client: "redis.Redis"
    ) -> None:
        for n in range(7):
            insert(database, dispatchedAt=clock.now() - timedelta(hours=1), to=f"r{n}", status="sent")
        redis_client.flushall()
        place = workspace(line(per_day=20))

        def ask(number: int) -> Granted | Later:
            return make_budgets(gap=0).reserve(place, wish(f"new{number}"))

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(ask, range(24)))
        assert sum(isinstance(answer, Granted) for answer in answers) == 13

    def test_a_reservation_that_redis_lost_no_longer_stands(
        self, budgets: RedisBudgets, redis_client: "redis.Redis"
    ) -> None:
        place, mine = workspace(), wish()
        budgets.reserve(place, mine)
        assert budgets.still_reserved(place, mine)
        assert not budgets.still_reserved(place, wish(BOB))
        redis_client.flushall()
        assert not budgets.still_reserved(place, mine)
        budgets.reserve(place, wish(BOB))
        assert not budgets.still_reserved(place, mine)

    def test_nothing_unfinished_stays_behind(self, budgets: RedisBudgets, redis_client: "redis.Redis") -> None:
        budgets.reserve(workspace(line(), line(OTHER_LINE)), wish())
        assert not [name for name in everything(redis_client) if "building" in name]


class TestKeys:
    def test_a_workspaces_keys_share_a_slot_and_hold_no_handle(
        self, budgets: RedisBudgets, redis_client: "redis.Redis"
    ) -> None:
        place = workspace(line(per_minute=3, per_day=3), per_day=9, gap_s=3)
        for n in range(5):
            budgets.reserve(place, wish(f"+1212555010{n}", new=True))
        kept = everything(redis_client)
        names = {name for name in kept if "budget" in name}
        assert len({key_slot(name.encode()) for name in names}) == 1
        assert not re.search(r"2125550", str(kept))

    def test_every_key_but_the_lines_lists_ends_by_itself(
        self, budgets: RedisBudgets, redis_client: "redis.Redis"
    ) -> None:
        budgets.reserve(workspace(line(per_day=3), per_day=3), wish(new=True))
        names = [name for name in everything(redis_client) if "budget:" in name]
        lasting = {name.split("budget:")[1] for name in names if int(redis_client.ttl(name)) < 0}
        assert lasting == {"epoch", f"line:{LINE}:slots", f"line:{LINE}:held"}

    def test_old_slots_are_forgotten(
        self, budgets: RedisBudgets, clock: HandClock, redis_client: "redis.Redis"
    ) -> None:
        place = workspace(workspace_id=uuid4().hex)
        for n in range(10):
            budgets.reserve(place, wish(f"r{n}"))
        clock.move(days=2)
        budgets.reserve(place, wish("new"))
        (slots,) = [redis_client.zcard(key) for key in redis_client.keys("*slots")]
        (held,) = [redis_client.hlen(key) for key in redis_client.keys("*held")]
        assert (slots, held) == (1, 1)


def everything(client: "redis.Redis") -> dict[str, Any]:
    """All keys with what they hold."""
    read: dict[str, Callable[[str], Any]] = {
        "zset": lambda name: client.zrange(name, 0, -1, withscores=True),
        "hash": client.hgetall,
        "string": client.get,
    }
    names = sorted(str(key, "ascii") for key in client.scan_iter() if isinstance(key, bytes))
    return {name: read[str(client.type(name), "ascii")](name) for name in names}  # type: ignore[arg-type]  # bytes


def test_a_workspace_without_the_line_is_a_programming_error(budgets: RedisBudgets) -> None:
    place: WorkspaceBudget = workspace()
    with pytest.raises(KeyError):
        budgets.reserve(place, wish(on=OTHER_LINE))
