"""The message store against a real MongoDB: who may do what, and whose word counts."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from bson import ObjectId
from pymongo.database import Database

from libs.common.messages.model import Message
from libs.common.messages.states import Heard, MessageStatus
from libs.common.stores.collections import MESSAGES
from libs.common.stores.messages import Dispatch, MessageStore, Recorded, Waiting
from libs.common.stores.mongo import Document
from tests.integration.messaging.factories import ALICE, WORKSPACE, ago, insert_message, now, stored
from tests.waiting import wait_until

LEASE = timedelta(seconds=30)
LINE = str(ObjectId())
DISPATCH = Dispatch(line_id=LINE, starts_conversation=True)
WAITING = Waiting(until=now(), reason="x")


def claim(store: MessageStore, message_id: str, owner: str = "a", job: str = "job-a") -> Message | None:
    return store.claim(message_id, WORKSPACE, owner=owner, job_id=job, lease=LEASE)


def claimed(store: MessageStore, message_id: str, owner: str = "a", job: str = "job-a") -> Message:
    message = claim(store, message_id, owner, job)
    assert message is not None
    return message


def marked(store: MessageStore, message_id: str, owner: str = "a", job: str = "job-a") -> Message:
    message = store.mark(claimed(store, message_id, owner, job), DISPATCH, owner=owner, lease=LEASE)
    assert message is not None
    return message


class TestClaim:
    def test_a_queued_message_is_claimed_with_a_lease(self, store: MessageStore, database: Database[Document]) -> None:
        message = claimed(store, insert_message(database))
        assert message.status is MessageStatus.SENDING
        assert message.lease_owner == "a"
        assert message.lease_expires_at
        assert message.claimed_at
        assert message.lease_expires_at - message.claimed_at == LEASE
        assert stored(database, message.message_id)["lease"]["attempt"] == 1

    def test_only_one_of_many_claims_wins(self, store: MessageStore, database: Database[Document]) -> None:
        message_id = insert_message(database)
        ready = threading.Barrier(8)

        def race(number: int) -> bool:
            ready.wait()
            return claim(store, message_id, owner=f"o{number}", job=f"job-{number}") is not None

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(race, range(8))) == 1

    def test_attempts_that_came_to_no_end_are_counted(self, store: MessageStore, database: Database[Document]) -> None:
        message_id = insert_message(database)
        parked = marked(store, message_id, owner="a", job="j")
        assert "leftInHand" not in stored(database, message_id)
        assert store.park(parked, Waiting(until=ago(-5), reason="answer_unknown"), owner="a")
        for deaths, owner in enumerate(("b", "c", "d")):
            claimed(store, message_id, owner, "j")
            assert stored(database, message_id).get("leftInHand", 0) == deaths

    @pytest.mark.parametrize("status", ["draft", "sent", "delivered", "failed", "uncertain", "cancelled"])
    def test_no_other_state_can_be_claimed(
        self, store: MessageStore, database: Database[Document], status: str
    ) -> None:
        assert claim(store, insert_message(database, status=status)) is None

    def test_another_workspaces_message_cannot_be_claimed(
        self, store: MessageStore, database: Database[Document]
    ) -> None:
        assert claim(store, insert_message(database, workspaceId="other")) is None

    def test_a_scheduled_message_can_be_claimed_from_its_time_on(
        self, store: MessageStore, database: Database[Document]
    ) -> None:
        assert claim(store, insert_message(database, status="scheduled", scheduledAt=ago(1)))
        assert claim(store, insert_message(database, status="scheduled", scheduledAt=ago(-60))) is None
        assert claim(store, insert_message(database, status="scheduled")) is None
        assert claim(store, insert_message(database, status="scheduled", scheduledAt=None)) is None

    def test_a_message_in_hand_is_nobody_elses_until_its_lease_has_run_out(
        self, store: MessageStore, database: Database[Document]
    ) -> None:
        message_id = insert_message(database)
        claimed(store, message_id)
        assert claim(store, message_id, owner="b", job="job-b") is None
        database[MESSAGES].update_one({"_id": ObjectId(message_id)}, {"$set": {"lease.expiresAt": ago(0.001)}})
        assert claim(store, message_id, owner="b", job="job-b")

    def test_the_same_job_takes_over_at_once(self, store: MessageStore, database: Database[Document]) -> None:
        message_id = insert_message(database)
        claimed(store, message_id, owner="first run")
        assert claimed(store, message_id, owner="second run").lease_owner == "second run"


class TestMark:
    def test_a_mark_notes_everything_before_the_call(self, store: MessageStore, database: Database[Document]) -> None:
        message_id = insert_message(database, notBefore=now(), reason="quiet_hours", error="x")
        message = marked(store, message_id)
        document = stored(database, message_id)
        assert message.dispatched_at is not None
        assert document["clientReference"] == f"tuco-{message_id}"
        assert document["lineId"] == ObjectId(LINE)
        assert (document["dispatchedBy"], document["attempts"], document["startsConversation"]) == ("a", 1, True)
        assert not {"notBefore", "reason", "error"} & document.keys()

    def test_an_attempt_that_was_overtaken_cannot_mark(self, store: MessageStore, database: Database[Document]) -> None:
        message = claimed(store, insert_message(database), owner="a")
        claimed(store, message.message_id, owner="b")
        assert store.mark(message, DISPATCH, owner="a", lease=LEASE) is None

    def test_an_attempt_whose_lease_has_run_out_cannot_mark(
        self, store: MessageStore, database: Database[Document]
    ) -> None:
        message = claimed(store, insert_message(database))
        database[MESSAGES].update_one({"_id": ObjectId(message.message_id)}, {"$set": {"lease.expiresAt": ago(0.001)}})
        assert store.mark(message, DISPATCH, owner="a", lease=LEASE) is None

    def test_each_mark_counts_as_an_attempt(self, store: MessageStore, database: Database[Document]) -> None:
        message_id = insert_message(database)
        marked(store, message_id)
        assert marked(store, message_id).attempts == 2


class TestPostpone:
    def test_a_postponed_message_waits_with_its_reason(self, store: MessageStore, database: Database[Document]) -> None:
        message = claimed(store, insert_message(database))
        until = ago(-3600).replace(microsecond=0)
        assert store.postpone(message, Waiting(until=until, reason="$quiet", promised=DISPATCH), owner="a")
        document = stored(database, message.message_id)
        assert (document["status"], document["notBefore"], document["reason"]) == ("queued", until, "$quiet")
        assert document["lineId"] == ObjectId(LINE)
        assert "lease" not in document

    def test_an_attempt_that_was_overtaken_cannot_postpone(
        self, store: MessageStore, database: Database[Document]
    ) -> None:
        message = claimed(store, insert_message(database), owner="a")
        claimed(store, message.message_id, owner="b")
        assert not store.postpone(message, WAITING, owner="a")


class TestAnswers:
    def test_a_sent_message_has_its_providers_id(self, store: MessageStore, database: Database[Document]) -> None:
        message = marked(store, insert_message(database))
        assert store.record_sent(message, line_id=LINE, provider_message_id="p1") is Recorded.SENT
        document = stored(database, message.message_id)
        assert (document["status"], document["providerMessageId"]) == ("sent", "p1")
        assert document["sentAt"] >= document["dispatchedAt"]
        assert "lease" not in document

    def test_an_answer_counts_although_another_attempt_has_taken_over(
        self, store: MessageStore, database: Database[Document]
    ) -> None:
        message = marked(store, insert_message(database), owner="a")
        claimed(store, message.message_id, owner="b")
        assert store.record_sent(message, line_id=LINE, provider_message_id="p1") is Recorded.SENT
        assert store.mark(message, DISPATCH, owner="b", lease=LEASE) is None

    @pytest.mark.parametrize("status", ["draft", "scheduled", "queued", "failed", "uncertain", "cancelled"])
    def test_an_answer_counts_whatever_was_decided_meanwhile(
        self, store: MessageStore, database: Database[Document], status: str
    ) -> None:
        message = marked(store, insert_message(database))
        database[MESSAGES].update_one({"_id": ObjectId(message.message_id)}, {"$set": {"status": status}})
        assert store.record_sent(message, line_id=LINE, provider_message_id="p1") is Recorded.SENT

    def test_the_same_answer_twice_changes_nothing(self, store: MessageStore, database: Database[Document]) -> None:
        message = marked(store, insert_message(database))
        store.record_sent(message, line_id=LINE, provider_message_id="p1")
        first = stored(database, message.message_id)
        assert store.record_sent(message, line_id=LINE, provider_message_id="p1") is Recorded.KNOWN
        assert stored(database, message.message_id) == first

    def test_two_answers_are_noticed(self, store: MessageStore, database: Database[Document]) -> None:
        message = marked(store, insert_message(database))
        store.record_sent(message, line_id=LINE, provider_message_id="p1")
        assert store.record_sent(message, line_id=LINE, provider_message_id="p2") is Recorded.TWICE

    def test_a_providers_message_belongs_to_one_of_ours(
        self, store: MessageStore, database: Database[Document]
    ) -> None:
        first, second = (marked(store, insert_message(database)) for _ in range(2))
        store.record_sent(first, line_id=LINE, provider_message_id="p1")
        assert store.record_sent(second, line_id=LINE, provider_message_id="p1") is Recorded.OTHERS
        assert stored(database, second.message_id)["status"] == "sending"
        assert store.record_sent(second, line_id=str(ObjectId()), provider_message_id="p1") is Recorded.SENT

    def test_a_call_without_effect_is_withdrawn_by_who_made_it(
        self, store: MessageStore, database: Database[Document]
    ) -> None:
        message = marked(store, insert_message(database), owner="a")
        claimed(store, message.message_id, owner="b")
        assert not store.withdraw(message, WAITING, owner="b")
        waiting = Waiting(until=now(), reason="line_fault", error="refused")
        assert store.withdraw(message, waiting, owner="a")
        document = stored(database, message.message_id)
        assert (document["status"], document["reason"], document["error"]) == ("queued", "line_fault", "refused")
        assert not {"dispatchedAt", "dispatchedBy", "lease"} & document.keys()

    def test_a_mark_by_another_attempt_is_not_withdrawn(
        self, store: MessageStore, database: Database[Document]
    ) -> None:
        message = marked(store, insert_message(database), owner="a")
        marked(store, message.message_id, owner="b")
        assert not store.withdraw(message, WAITING, owner="a")

    def test_a_parked_message_keeps_its_mark_and_can_be_claimed_at_once(
        self, store: MessageStore, database: Database[Document]
    ) -> None:
        message = marked(store, insert_message(database))
        assert store.park(message, Waiting(until=ago(-5), reason="answer_unknown", error="timeout"), owner="a")
        again = wait_until(lambda: claim(store, message.message_id, owner="b", job="job-b"))
        assert again
        assert again.dispatched_at == message.dispatched_at

    def test_absence_counts_from_the_first_answer_that_said_so(
        self, store: MessageStore, database: Database[Document]
    ) -> None:
        message_id = insert_message(database)
        moments = []
        for take in (marked, claimed, claimed):
            assert store.park(take(store, message_id), WAITING, owner="a", heard=Heard.ABSENT)
            moments.append(stored(database, message_id)["absentSince"])
        assert moments[0] == moments[1] == moments[2]

    def test_absence_is_forgotten_when_the_provider_gives_no_answer(
        self, store: MessageStore, database: Database[Document]
    ) -> None:
        message_id = insert_message(database)
        assert store.park(marked(store, message_id), WAITING, owner="a", heard=Heard.ABSENT)
        assert store.park(claimed(store, message_id), WAITING, owner="a", heard=Heard.NOTHING)
        assert "absentSince" not in stored(database, message_id)

    def test_silence_counts_from_the_first_question_without_an_answer(
        self, store: MessageStore, database: Database[Document]
    ) -> None:
        message_id = insert_message(database)
        moments = []
        for take, heard in ((marked, Heard.NOTHING), (claimed, Heard.ABSENT), (claimed, Heard.NOTHING)):
            assert store.park(take(store, message_id), WAITING, owner="a", heard=heard)
            moments.append(stored(database, message_id)["unheardSince"])
        assert moments[0] == moments[1] == moments[2]

    def test_what_was_heard_is_forgotten_with_the_call_that_it_is_about(
        self, store: MessageStore, database: Database[Document]
    ) -> None:
        message_id = insert_message(database)
        assert store.park(marked(store, message_id), WAITING, owner="a", heard=Heard.NOTHING)
        assert store.park(claimed(store, message_id), WAITING, owner="a", heard=Heard.ABSENT)
        assert store.unmark(claimed(store, message_id), owner="a")
        assert not {"absentSince", "unheardSince"} & stored(database, message_id).keys()

    @pytest.mark.parametrize("status", [MessageStatus.FAILED, MessageStatus.CANCELLED])
    def test_an_end_is_the_lease_owners_to_say(
        self, store: MessageStore, database: Database[Document], status: MessageStatus
    ) -> None:
        message = marked(store, insert_message(database))
        assert not store.end(message, status, owner="b", reason="x")
        assert store.end(message, status, owner="a", reason="opted_out")
        document = stored(database, message.message_id)
        assert (document["status"], document["reason"]) == (status.value, "opted_out")
        assert "dispatchedAt" not in document

    def test_an_uncertain_message_keeps_what_a_person_needs(
        self, store: MessageStore, database: Database[Document]
    ) -> None:
        message = marked(store, insert_message(database))
        assert store.give_to_a_person(message, owner="a", reason="cannot_ask", error="410")
        document = stored(database, message.message_id)
        assert (document["status"], document["reason"], document["error"]) == ("uncertain", "cannot_ask", "410")
        assert document["dispatchedAt"]
        assert document["lineId"]
        assert claim(store, message.message_id, owner="b", job="job-b") is None


class TestConversation:
    def message(self, store: MessageStore, database: Database[Document], to: str = ALICE) -> Message:
        found = store.get(insert_message(database, to=to), WORKSPACE)
        assert found
        return found

    def test_nobody_was_written_to(self, store: MessageStore, database: Database[Document]) -> None:
        insert_message(database, lineId=ObjectId(LINE), status="failed")
        insert_message(database, lineId=ObjectId(LINE), workspaceId="other", status="sent")
        assert store.conversation_line(self.message(store, database), ALICE) is None

    def test_the_line_of_the_last_message_is_found(self, store: MessageStore, database: Database[Document]) -> None:
        other = ObjectId()
        insert_message(database, lineId=other, dispatchedAt=ago(10), status="sent")
        insert_message(database, lineId=ObjectId(LINE), dispatchedAt=ago(5), status="uncertain")
        assert store.conversation_line(self.message(store, database), ALICE) == LINE

    def test_messages_that_an_earlier_server_sent_count(
        self, store: MessageStore, database: Database[Document]
    ) -> None:
        insert_message(database, lineId=LINE, status="delivered", sentAt=ago(5))
        assert store.conversation_line(self.message(store, database), ALICE) == LINE

    def test_another_way_of_writing_the_number_is_the_same_recipient(
        self, store: MessageStore, database: Database[Document]
    ) -> None:
        insert_message(database, lineId=ObjectId(LINE), dispatchedAt=ago(5), status="sent")
        assert store.conversation_line(self.message(store, database, to="(212) 555-0123"), ALICE) == LINE

    def test_the_message_itself_is_no_conversation(self, store: MessageStore, database: Database[Document]) -> None:
        message = marked(store, insert_message(database))
        assert store.conversation_line(message, ALICE) is None
