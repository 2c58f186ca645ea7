"""Sending one message against real stores and a simulated line: once, whatever goes wrong between two steps."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from bson import ObjectId

from libs.common.errors import NotNow, Permanent
from libs.common.messages.reasons import Reason
from libs.common.messages.stops import StopScope
from libs.common.stores.collections import LEADS, MESSAGES
from libs.common.stores.stops import StopStore
from services.messaging.fault_points import FaultPoint
from services.messaging.line_faults import LineFaults
from tests.integration.messaging.factories import ALICE, WORKSPACE, ago, now
from tests.integration.messaging.world import SETTLE_MS, Died, World, dies_at

BOB = "+12125550124"


class TestASend:
    def test_a_message_goes_out_once_and_says_so(self, world: World) -> None:
        line_id, message_id = world.add_line(), world.message()
        result = world.run(message_id)
        document = world.stored(message_id)
        assert result == {
            "messageId": message_id,
            "status": "sent",
            "providerMessageId": document["providerMessageId"],
        }
        assert (document["status"], str(document["lineId"]), document["attempts"]) == ("sent", line_id, 1)
        assert world.delivered(message_id) == 1

    def test_running_its_job_again_does_nothing(self, world: World) -> None:
        world.add_line()
        message_id = world.message()
        first = world.run(message_id)
        assert world.run(message_id) == first
        assert world.run(message_id, job="another") == first
        assert world.delivered() == 1

    def test_many_jobs_at_once_send_one_message_once(self, world: World) -> None:
        world.add_line()
        message_id = world.message()
        results = world.run_all([message_id] * 8, jobs=[f"job-{n}" for n in range(8)])
        assert world.delivered() == 1
        assert all(isinstance(result, dict) for result in results)

    def test_a_message_of_another_workspace_is_none(self, world: World) -> None:
        world.add_line()
        message_id = world.message()
        with pytest.raises(Permanent, match="no such message"):
            world.run(message_id, workspace="other")

    @pytest.mark.parametrize("status", ["draft", "cancelled", "uncertain", "failed", "delivered"])
    def test_what_is_not_to_be_sent_is_left_alone(self, world: World, status: str) -> None:
        world.add_line()
        message_id = world.message(status=status)
        assert world.run(message_id)["status"] == status
        assert world.delivered() == 0

    def test_what_is_not_due_is_left_to_its_tick(self, world: World) -> None:
        world.add_line()
        message_id = world.message(status="scheduled", scheduledAt=ago(-60))
        assert world.run(message_id) == {"messageId": message_id, "status": "scheduled", "reason": "not_due"}

    @pytest.mark.parametrize(
        ("fields", "reason"), [({"to": "nobody"}, "invalid_recipient"), ({"text": "  "}, "empty_text")]
    )
    def test_what_can_never_be_sent_has_failed(self, world: World, fields: dict[str, str], reason: str) -> None:
        world.add_line()
        message_id = world.message(**fields)
        assert world.run(message_id) == {"messageId": message_id, "status": "failed", "reason": reason}

    def test_a_recipient_may_be_written_in_any_way(self, world: World) -> None:
        world.add_line()
        world.run(world.message(to="(212) 555-0123"))
        assert [delivery.to for delivery in world.simulator.state.deliveries.select()] == [ALICE]


AFTER_THE_MARK = [FaultPoint.MARKED, FaultPoint.ANSWERED]


class TestADeath:
    @pytest.mark.parametrize("point", list(FaultPoint))
    def test_a_worker_that_dies_anywhere_neither_repeats_nor_loses(self, world: World, point: FaultPoint) -> None:
        world.add_line()
        message_id = world.message()
        with pytest.raises(Died):
            world.run(message_id, at=dies_at(point))
        assert world.run_until_settled(message_id)["status"] == "sent"
        assert world.delivered() == 1

    @pytest.mark.parametrize("point", list(FaultPoint))
    def test_dying_everywhere_in_turn_changes_nothing(self, world: World, point: FaultPoint) -> None:
        world.add_line()
        message_id = world.message()
        for _ in range(3):
            with suppress(Died, NotNow):
                world.run(message_id, at=dies_at(point))
        assert world.run_until_settled(message_id)["status"] == "sent"
        assert world.delivered() == 1

    def test_before_the_mark_nothing_needs_to_be_asked(self, world: World) -> None:
        world.add_line()
        message_id = world.message()
        with pytest.raises(Died):
            world.run(message_id, at=dies_at(FaultPoint.RESERVED))
        assert world.run(message_id)["status"] == "sent"
        assert world.asked("message/query") == 0

    def test_what_went_out_before_the_death_is_found_at_once(self, world: World) -> None:
        world.add_line()
        message_id = world.message()
        with pytest.raises(Died):
            world.run(message_id, at=dies_at(FaultPoint.ANSWERED))
        assert world.run(message_id)["status"] == "sent"

    def test_what_did_not_go_out_is_sent_only_once_the_first_call_can_have_no_effect_any_more(
        self, world: World
    ) -> None:
        world.add_line()
        message_id = world.message()
        with pytest.raises(Died):
            world.run(message_id, at=dies_at(FaultPoint.MARKED))
        with pytest.raises(NotNow, match="answer_unknown"):
            world.run(message_id)
        assert world.delivered() == 0
        marked_at = world.stored(message_id)["dispatchedAt"]
        world.run_until_settled(message_id)
        again_at = world.stored(message_id)["dispatchedAt"]
        assert again_at - marked_at >= timedelta(milliseconds=SETTLE_MS)
        assert world.stored(message_id)["attempts"] == 2

    def test_another_job_leaves_a_message_in_hand_alone_until_the_lease_ends(self, world: World) -> None:
        world.add_line()
        message_id = world.message()
        settings = world.with_settings(message_lease_ms=600)
        with pytest.raises(Died):
            world.run(message_id, at=dies_at(FaultPoint.CLAIMED), settings=settings)
        assert world.run(message_id, job="another")["status"] == "sending"
        time.sleep(0.7)
        assert world.run(message_id, job="another")["status"] == "sent"

    @pytest.mark.parametrize("fault", ["answer_lost", "error_delivered", "truncated", "hang_after_delivery"])
    def test_an_answer_that_was_lost_after_delivery_is_found(self, world: World, fault: str) -> None:
        world.add_line()
        world.simulator.set_fault(fault=fault, endpoint="chat/new", count=1)
        message_id = world.message()
        assert world.run_until_settled(message_id)["status"] == "sent"
        assert world.delivered() == 1
        assert world.stored(message_id)["attempts"] == 1

    @pytest.mark.parametrize("fault", ["reset", "hang", "error_undelivered", "http_502", "server_error"])
    def test_an_answer_that_never_came_without_delivery_leads_to_one_delivery(self, world: World, fault: str) -> None:
        world.add_line()
        world.simulator.set_fault(fault=fault, endpoint="chat/new", count=1)
        message_id = world.message()
        assert world.run_until_settled(message_id)["status"] == "sent"
        assert world.delivered() == 1

    def test_a_slow_send_that_is_given_up_is_not_repeated(self, world: World) -> None:
        world.add_line()
        world.simulator.configure(1, send_ms=900)
        world.simulator.line(1).mailbox.open_chat(ALICE)
        message_id = world.message()
        settings = world.with_settings(bluebubbles_settle_ms=2_000)
        with pytest.raises(NotNow):
            world.run(message_id, settings=settings)
        deadline = time.monotonic() + 10
        while world.status(message_id) != "sent" and time.monotonic() < deadline:
            try:
                world.run(message_id, settings=settings)
            except NotNow:
                time.sleep(0.1)
        assert world.delivered() == 1


class TestAProviderThatSleeps:
    def marked_long_ago(self, line_id: str) -> dict[str, Any]:
        lease = {"owner": "dead", "jobId": "job-0", "expiresAt": ago(3_500)}
        mark = {"dispatchedAt": ago(3_600), "dispatchedBy": "dead", "lineId": ObjectId(line_id), "attempts": 1}
        return {"status": "sending", "lease": lease, **mark}

    def test_a_call_that_it_acts_on_when_it_wakes_is_not_repeated(self, world: World) -> None:
        message_id = world.message(**self.marked_long_ago(world.add_line()))

        with pytest.raises(NotNow, match="answer_unknown"):
            world.run(message_id)  # it is awake again, and has not come to the old call yet
        world.call_directly(1, message_id, to=ALICE, text="Hello")

        assert world.run_until_settled(message_id)["status"] == "sent"
        assert world.delivered() == 1
        assert world.stored(message_id)["attempts"] == 1

    def test_a_message_that_it_never_got_is_sent_once_it_was_awake_for_long_enough(self, world: World) -> None:
        message_id = world.message(**self.marked_long_ago(world.add_line()))

        began = time.monotonic()
        assert world.run_until_settled(message_id)["status"] == "sent"
        assert time.monotonic() - began >= SETTLE_MS / 1_000
        assert world.delivered() == 1


class TestStandingStill:
    def test_a_worker_that_stood_still_before_the_call_does_not_make_it(self, world: World) -> None:
        world.add_line()
        message_id = world.message()

        async def stand_still(point: FaultPoint) -> None:
            if point is FaultPoint.MARKED:
                time.sleep(0.5)  # noqa: ASYNC251 - as after SIGSTOP, nothing else in the process runs either

        with pytest.raises(NotNow, match="provider_busy"):
            world.run(message_id, at=stand_still)
        assert world.delivered() == 0
        assert world.status(message_id) == "queued"
        assert "dispatchedAt" not in world.stored(message_id)
        assert world.run_until_settled(message_id)["status"] == "sent"
        assert world.delivered() == 1

    def test_a_worker_that_wakes_after_another_has_sent_does_nothing(self, world: World) -> None:
        world.add_line()
        message_id = world.message()

        async def meanwhile_another(point: FaultPoint) -> None:
            if point is FaultPoint.RESERVED:
                database = world.database
                database[MESSAGES].update_one({"_id": ObjectId(message_id)}, {"$set": {"lease.expiresAt": ago(1)}})
                _in_a_thread(lambda: world.run(message_id, job="another"))

        assert world.run(message_id, at=meanwhile_another)["status"] == "sent"
        assert world.delivered() == 1


def _in_a_thread(run: Any) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(run).result()


class TestRefusals:
    def test_a_recipient_who_is_not_on_imessage_has_failed(self, world: World) -> None:
        world.add_line()
        world.simulator.set_availability(ALICE, False)
        message_id = world.message()
        assert world.run(message_id)["status"] == "failed"
        document = world.stored(message_id)
        assert (document["reason"], document["error"]) == ("provider_refused", "iMessage error 22")
        assert "dispatchedAt" not in document

    def test_a_line_that_is_away_keeps_its_messages(self, world: World) -> None:
        world.add_line(limits={"perDay": 1})
        world.simulator.take_down(1)
        message_id = world.message()
        with pytest.raises(NotNow) as later:
            world.run(message_id)
        assert later.value.reason == "line_fault"
        document = world.stored(message_id)
        assert (document["status"], document["reason"], document["error"]) == ("queued", "line_fault", "refused")
        assert abs(document["notBefore"] - later.value.until) < timedelta(milliseconds=1)
        world.simulator.bring_up(1)
        assert world.run(message_id)["status"] == "sent"

    def test_what_a_refused_message_had_reserved_is_anothers(self, world: World) -> None:
        world.add_line(limits={"perDay": 1})
        world.simulator.take_down(1)
        with pytest.raises(NotNow, match="line_fault"):
            world.run(world.message())
        world.simulator.bring_up(1)
        assert world.run(world.message(to=BOB), job="job-2")["status"] == "sent"

    def test_too_many_calls_are_waited_out(self, world: World) -> None:
        world.add_line()
        world.simulator.set_fault(fault="http_429", count=1, seconds=30)
        with pytest.raises(NotNow) as later:
            world.run(world.message())
        assert later.value.reason == "provider_busy"
        assert later.value.until - now() > timedelta(seconds=29)

    def test_a_line_whose_secret_cannot_be_opened_is_at_fault(self, world: World) -> None:
        world.add_line(credentials="nonsense")
        with pytest.raises(NotNow, match="line_fault"):
            world.run(world.message())


class TestUncertainty:
    def test_a_provider_that_cannot_be_asked_leaves_it_to_a_person(self, world: World) -> None:
        world.add_line()
        message_id = world.message()
        with pytest.raises(Died):
            world.run(message_id, at=dies_at(FaultPoint.MARKED))
        world.simulator.set_fault(fault="http_502", endpoint="message/query")
        with pytest.raises(NotNow, match="answer_unknown"):
            world.run(message_id)
        database = world.database
        long_ago = {"$set": {"unheardSince": ago(6)}}
        database[MESSAGES].update_one({"_id": ObjectId(message_id)}, long_ago)
        assert world.run(message_id) == {"messageId": message_id, "status": "uncertain", "reason": "cannot_ask"}
        world.simulator.clear_faults()
        assert world.run(message_id)["status"] == "uncertain"
        assert world.delivered() == 0

    def test_a_line_that_was_deleted_leaves_it_to_a_person(self, world: World) -> None:
        world.add_line()
        message_id = world.message()
        with pytest.raises(Died):
            world.run(message_id, at=dies_at(FaultPoint.MARKED))
        world.database["lines"].delete_many({})
        assert world.run(message_id)["status"] == "uncertain"

    def test_two_messages_of_one_text_are_told_apart_by_count(self, world: World) -> None:
        world.add_line()
        first, second = world.message(), world.message()
        world.run(first)
        with pytest.raises(Died):
            world.run(second, at=dies_at(FaultPoint.MARKED), job="job-2")
        assert world.run_until_settled(second, job="job-2")["status"] == "sent"
        assert world.simulator.state.deliveries.count(ALICE, "Hello") == 2
        names = {world.stored(message_id)["providerMessageId"] for message_id in (first, second)}
        assert len(names) == 2


class TestStops:
    @pytest.fixture
    def stops(self, world: World) -> StopStore:
        return StopStore(world.database)

    def place(self, stops: StopStore, world: World, scope: StopScope, line_id: str, **fields: Any) -> None:
        targets = {
            StopScope.WORKSPACE: WORKSPACE,
            StopScope.LINE: line_id,
            StopScope.CAMPAIGN: "spring",
            StopScope.RECIPIENT: ALICE,
        }
        stops.place(scope, WORKSPACE, targets[scope], **fields)

    @pytest.mark.parametrize("scope", list(StopScope))
    def test_a_stop_holds_what_it_is_for(self, world: World, stops: StopStore, scope: StopScope) -> None:
        line_id = world.add_line()
        self.place(stops, world, scope, line_id)
        message_id = world.message(campaignId="spring")
        with pytest.raises(NotNow, match=f"stopped_{scope}"):
            world.run(message_id)
        assert world.stored(message_id)["reason"] == f"stopped_{scope}"
        assert world.delivered() == 0

    @pytest.mark.parametrize("scope", list(StopScope))
    def test_a_stop_is_seen_at_the_last_instant(self, world: World, stops: StopStore, scope: StopScope) -> None:
        line_id = world.add_line(limits={"perDay": 1})
        message_id = world.message(campaignId="spring")

        async def stop_now(point: FaultPoint) -> None:
            if point is FaultPoint.MARKED:
                self.place(stops, world, scope, line_id)

        with pytest.raises(NotNow, match=f"stopped_{scope}"):
            world.run(message_id, at=stop_now)
        assert world.delivered() == 0
        assert "dispatchedAt" not in world.stored(message_id)
        for placed in stops.of_workspace(WORKSPACE):
            stops.lift(placed.scope, WORKSPACE, placed.target)
        assert world.run(message_id)["status"] == "sent"

    def test_a_stop_may_cancel(self, world: World, stops: StopStore) -> None:
        line_id = world.add_line()
        self.place(stops, world, StopScope.CAMPAIGN, line_id, cancels=True)
        message_id = world.message(campaignId="spring")
        assert world.run(message_id) == {
            "messageId": message_id,
            "status": "cancelled",
            "reason": "stopped_campaign",
        }

    def test_a_lead_that_has_opted_out_is_not_written_to(self, world: World) -> None:
        world.add_line()
        lead = world.database[LEADS].insert_one(
            {"workspaceId": WORKSPACE, "phone": "unlike", "optedOutAt": datetime.now(UTC)}
        )
        message_id = world.message(leadId=lead.inserted_id)
        assert world.run(message_id) == {"messageId": message_id, "status": "cancelled", "reason": "opted_out"}
        as_text = world.message(leadId=str(lead.inserted_id), to=BOB)
        assert world.run(as_text)["reason"] == "opted_out"

    def test_a_lead_of_the_same_handle_that_has_opted_out_counts_too(self, world: World) -> None:
        world.add_line()
        world.database[LEADS].insert_one({"workspaceId": WORKSPACE, "phone": ALICE, "optedOutAt": datetime.now(UTC)})
        assert world.run(world.message())["reason"] == "opted_out"

    def test_an_opt_out_at_the_last_instant_counts(self, world: World, stops: StopStore) -> None:
        world.add_line()
        message_id = world.message()

        async def opt_out(point: FaultPoint) -> None:
            if point is FaultPoint.MARKED:
                stops.opt_out(WORKSPACE, ALICE, now=now())

        assert world.run(message_id, at=opt_out)["reason"] == "opted_out"
        assert world.delivered() == 0

    def test_how_long_after_a_stop_the_last_message_left_is_noted(self, world: World, stops: StopStore) -> None:
        world.add_line()

        async def stop_now(point: FaultPoint) -> None:
            if point is FaultPoint.ANSWERED:
                stops.place(StopScope.WORKSPACE, WORKSPACE, WORKSPACE)

        assert world.run(world.message(), at=stop_now)["status"] == "sent"
        (only,) = stops.of_workspace(WORKSPACE)
        assert only.last_left_after is not None
        assert timedelta(0) <= only.last_left_after < timedelta(seconds=5)


class TestLimits:
    def test_above_a_limit_the_message_has_its_own_moment_and_says_why(self, world: World) -> None:
        world.add_line(limits={"perMinute": 1})
        first, second = world.message(), world.message(to=BOB)
        assert world.run(first)["status"] == "sent"
        with pytest.raises(NotNow) as later:
            world.run(second, job="job-2")
        document = world.stored(second)
        assert (document["reason"], later.value.reason) == ("line_per_minute", "line_per_minute")
        assert document["promised"] is True
        assert timedelta(seconds=50) < document["notBefore"] - now() < timedelta(seconds=63)

    def test_a_reservation_that_redis_lost_before_the_call_is_made_anew(self, world: World) -> None:
        world.add_line(limits={"perDay": 1})
        message_id, other = world.message(), world.message(to=BOB)

        async def lose_it_to_another(point: FaultPoint) -> None:
            if point is FaultPoint.RESERVED:
                redis.Redis.from_url(world.redis_url).flushall()
                _in_a_thread(lambda: world.run(other, job="job-2"))

        with pytest.raises(NotNow, match="line_per_day"):
            world.run(message_id, at=lose_it_to_another)
        assert (world.delivered(message_id), world.delivered(other)) == (0, 1)
        assert "dispatchedAt" not in world.stored(message_id)

    def test_new_conversations_have_a_limit_of_their_own(self, world: World) -> None:
        world.add_line(limits={"newConversationsPerDay": 1})
        world.run(world.message())
        with pytest.raises(NotNow, match="new_conversations_per_day"):
            world.run(world.message(to=BOB), job="job-2")
        assert world.run(world.message(text="again"), job="job-3")["status"] == "sent"

    def test_quiet_hours_are_kept(self, world: World) -> None:
        world.add_line(quietHours={"start": "00:00", "end": "23:59", "timezone": "UTC"})
        with pytest.raises(NotNow, match="quiet_hours") as later:
            world.run(world.message())
        assert (later.value.until.hour, later.value.until.minute) == (23, 59)

    def test_a_line_whose_quiet_hours_cannot_be_read_is_not_used(self, world: World) -> None:
        world.add_line(quietHours={"start": "late", "end": "07:00", "timezone": "UTC"})
        with pytest.raises(NotNow, match="line_fault"):
            world.run(world.message())


class TestLines:
    def test_a_conversation_stays_on_its_line(self, world: World) -> None:
        first, second = world.add_line(1), world.add_line(2)
        world.message(status="sent", lineId=ObjectId(second), dispatchedAt=ago(60))
        world.simulator.open_chat(2, ALICE)
        message_id = world.message(lineId=ObjectId(first))
        assert world.run(message_id)["status"] == "sent"
        assert str(world.stored(message_id)["lineId"]) == second
        assert world.asked("message/text") == 1

    def test_a_conversation_waits_for_its_line_that_is_down(self, world: World) -> None:
        world.add_line(1)
        second = world.add_line(2, health={"status": "down"})
        world.message(status="sent", lineId=ObjectId(second), dispatchedAt=ago(60))
        with pytest.raises(NotNow, match="line_down"):
            world.run(world.message())

    def test_new_conversations_spread_over_the_lines(self, world: World) -> None:
        for number in (1, 2, 3):
            world.add_line(number, limits={"perDay": 100})
        for number in range(9):
            world.run(world.message(to=f"+1212555013{number}"), job=f"job-{number}")
        counts = [world.simulator.state.deliveries.total(target=f"line-{number}") for number in (1, 2, 3)]
        assert counts == [3, 3, 3]

    def test_a_waiting_message_leaves_a_line_that_goes_down(self, world: World) -> None:
        first = world.add_line(1, limits={"perMinute": 1})
        world.run(world.message())
        waiting = world.message(to=BOB)
        with pytest.raises(NotNow, match="line_per_minute"):
            world.run(waiting, job="job-2")
        world.add_line(2)
        world.change_line(first, health={"status": "down"})
        assert world.run(waiting, job="job-2")["status"] == "sent"

    def test_a_new_conversation_leaves_a_line_that_refuses_it(self, world: World) -> None:
        world.add_line(1)
        second = world.add_line(2)
        world.simulator.take_down(1)
        message_id = world.message()
        assert world.run_in_one_worker(message_id)["status"] == "sent"
        assert str(world.stored(message_id)["lineId"]) == second

    def test_a_line_that_was_at_fault_is_not_tried_with_the_next_message(self, world: World) -> None:
        faults = LineFaults(monotonic=lambda: clock[0])
        clock = [0.0]
        faults.note("a")
        assert faults.was_at_fault("a")
        assert not faults.was_at_fault("b")
        clock[0] += 30
        assert not faults.was_at_fault("a")
        faults.note("a")
        faults.forget("a")
        assert not faults.was_at_fault("a")

    def test_without_a_line_a_message_waits(self, world: World) -> None:
        message_id = world.message()
        with pytest.raises(NotNow) as later:
            world.run(message_id)
        assert later.value.reason == Reason.NO_LINE
