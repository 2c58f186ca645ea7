"""Messages, stops, schedules and webhooks over the gateway, on real stores."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from flask.testing import FlaskClient
from pymongo.database import Database

from libs.common.broker.connection import connect_redis
from libs.common.broker.queue import JobQueue
from libs.common.credentials import new_credentials_key
from libs.common.settings import Secret, Settings
from libs.common.stores.collections import LEADS, LINES, MESSAGES, SCHEDULES
from libs.common.stores.message_indexes import MESSAGE_INDEXES
from libs.common.stores.mongo import Document, connect_mongo
from libs.common.webhook_secrets import WebhookSecrets
from services.gateway.bootstrap import build
from tests.integration.messaging.factories import ALICE, ago, insert_message, now, stored

SERVICE = {"Authorization": "Bearer service"}
ADMIN = {"Authorization": "Bearer admin"}
KEY = Secret(new_credentials_key())


class Served:
    def __init__(self, redis_url: str, mongo_uri: str) -> None:
        self.settings = Settings(
            redis_url=Secret(redis_url),
            mongodb_uri=Secret(mongo_uri),
            service_token=Secret("service"),
            admin_token=Secret("admin"),
            credentials_key=KEY,
        )
        self.database: Database[Document] = connect_mongo(self.settings, service="test")
        self.database[MESSAGES].create_indexes(list(MESSAGE_INDEXES))
        self.gateway = build(self.settings)
        self.client: FlaskClient = self.gateway.app.test_client()
        self.queue = JobQueue(connect_redis(self.settings), "message-processing")

    def call(self, method: str, path: str, body: Any = None, *, headers: Any = SERVICE, expect: int = 200) -> Any:
        answer = self.client.open(f"/api/bullmq{path}", method=method, json=body, headers=headers)
        assert answer.status_code == expect, answer.get_data(as_text=True)
        return answer.json

    def message(self, **fields: Any) -> str:
        return insert_message(self.database, **fields)

    def add_line(self, provider: str = "bluebubbles", **fields: Any) -> str:
        document = {
            "workspaceId": "w1",
            "provider": provider,
            "serverUrl": "http://x",
            "credentials": "x",
            "address": "+12125550900",
            "status": "active",
            **fields,
        }
        return str(self.database[LINES].insert_one(document).inserted_id)

    def report(
        self, provider: str, line_id: str, body: Any, *, expect: int = 200, query: str = "", **headers: str
    ) -> Any:
        secret = WebhookSecrets(KEY).of(line_id)
        answer = self.client.post(f"/api/webhooks/{provider}/{line_id}/{secret}{query}", json=body, headers=headers)
        assert answer.status_code == expect, answer.get_data(as_text=True)
        return answer.json


@pytest.fixture
def served(redis_url: str, mongo_uri: str) -> Iterator[Served]:
    served = Served(redis_url, mongo_uri)
    yield served
    served.gateway.close()
    served.database.client.close()


class TestExplain:
    def test_a_waiting_message_says_why_and_until_when(self, served: Served) -> None:
        until = (now() + timedelta(hours=2)).replace(microsecond=0)
        message_id = served.message(notBefore=until, reason="quiet_hours")
        found = served.call("GET", f"/messages/{message_id}/explain")
        assert found["reason"] == "quiet_hours"
        assert datetime.fromisoformat(found["earliestAt"]) == until
        assert found["explanation"] == "It waits: its line has quiet hours."

    def test_a_stop_is_named_before_the_message_meets_it(self, served: Served) -> None:
        message_id = served.message(status="scheduled", scheduledAt=ago(-60), campaignId="spring")
        served.call("POST", "/stops", {"scope": "campaign", "workspaceId": "w1", "target": "spring"}, expect=201)
        assert served.call("GET", f"/messages/{message_id}/explain")["reason"] == "stopped_campaign"

    def test_a_paused_queue_is_named(self, served: Served) -> None:
        served.queue.pause()
        assert served.call("GET", f"/messages/{served.message()}/explain")["reason"] == "queue_paused"

    def test_an_unknown_message_is_not_found(self, served: Served) -> None:
        served.call("GET", f"/messages/{ObjectId()}/explain", expect=404)
        served.call("GET", "/messages/nonsense/explain", expect=422)

    def test_a_campaign_says_how_far_it_is_and_when_the_last_will_have_gone(self, served: Served) -> None:
        served.add_line(limits={"perDay": 10})
        until = (now() + timedelta(minutes=5)).replace(microsecond=0)
        served.message(campaignId="c", status="sent")
        served.message(campaignId="c", notBefore=until, reason="line_per_minute", promised=True, lineId=ObjectId())
        for _ in range(25):
            served.message(campaignId="c", status="scheduled", scheduledAt=ago(1))
        found = served.call("GET", "/workspaces/w1/campaigns/c")
        assert found["byStatus"] == {"sent": 1, "queued": 1, "scheduled": 25}
        assert found["waitingFor"] == {"line_per_minute": 1}
        assert timedelta(days=1) < datetime.fromisoformat(found["lastAt"]) - now() < timedelta(days=3)


class TestDecisions:
    def test_a_person_has_an_uncertain_message_sent_again(self, served: Served) -> None:
        message_id = served.message(status="uncertain", dispatchedAt=ago(60), lineId=ObjectId(), reason="cannot_ask")
        (shown,) = served.call("GET", "/messages/uncertain?workspaceId=w1")["messages"]
        assert (shown["messageId"], shown["reason"]) == (message_id, "cannot_ask")
        body = {"resolution": "resend", "by": "ann"}
        assert served.call("POST", f"/messages/{message_id}/resolve", body)["status"] == "queued"
        document = stored(served.database, message_id)
        assert (document["status"], document["resolvedBy"]) == ("queued", "ann")
        assert "dispatchedAt" not in document
        assert served.queue.stats().counts["waiting"] == 1

    @pytest.mark.parametrize(("resolution", "status"), [("mark-sent", "sent"), ("mark-failed", "failed")])
    def test_a_person_says_what_became_of_it(self, served: Served, resolution: str, status: str) -> None:
        message_id = served.message(status="uncertain", dispatchedAt=ago(60))
        assert served.call("POST", f"/messages/{message_id}/resolve", {"resolution": resolution})["status"] == status
        assert served.queue.stats().counts["waiting"] == 0

    @pytest.mark.parametrize("status", ["sent", "queued", "sending", "draft", "cancelled"])
    @pytest.mark.parametrize("resolution", ["resend", "mark-sent", "mark-failed"])
    def test_nothing_else_can_be_decided(self, served: Served, status: str, resolution: str) -> None:
        message_id = served.message(status=status)
        served.call("POST", f"/messages/{message_id}/resolve", {"resolution": resolution}, expect=409)
        assert stored(served.database, message_id)["status"] == status

    def test_a_message_can_be_cancelled_until_it_is_begun(self, served: Served) -> None:
        early, late = served.message(status="scheduled", scheduledAt=ago(-60)), served.message(status="sending")
        assert served.call("POST", f"/messages/{early}/cancel")["status"] == "cancelled"
        served.call("POST", f"/messages/{late}/cancel", expect=409)

    def test_a_wrong_decision_names_the_field(self, served: Served) -> None:
        problem = served.call("POST", f"/messages/{served.message()}/resolve", {"resolution": "maybe"}, expect=422)
        assert problem["errors"][0]["field"] == "resolution"


class TestStops:
    def test_a_stop_is_placed_shown_and_lifted(self, served: Served) -> None:
        order = {"scope": "workspace", "workspaceId": "w1", "reason": "too loud"}
        placed = served.call("POST", "/stops", order, expect=201)
        assert placed["stop"]["target"] == "w1"
        (shown,) = served.call("GET", "/stops?workspaceId=w1")["stops"]
        assert shown["reason"] == "too loud"
        served.call("POST", "/stops/lift", order)
        assert served.call("GET", "/stops?workspaceId=w1")["stops"] == []
        served.call("POST", "/stops/lift", order, expect=404)

    def test_a_stop_may_cancel_what_waits(self, served: Served) -> None:
        mine = [served.message(campaignId="c", status=status, scheduledAt=ago(1)) for status in ("scheduled", "queued")]
        other = served.message(campaignId="d")
        order = {"scope": "campaign", "workspaceId": "w1", "target": "c", "cancel": True}
        assert served.call("POST", "/stops", order, expect=201)["cancelled"] == 2
        assert [stored(served.database, one)["status"] for one in mine] == ["cancelled", "cancelled"]
        assert stored(served.database, other)["status"] == "queued"

    def test_lifting_wakes_what_waited(self, served: Served) -> None:
        order = {"scope": "campaign", "workspaceId": "w1", "target": "c"}
        served.call("POST", "/stops", order, expect=201)
        fields = {"notBefore": ago(-600), "reason": "stopped_campaign", "campaignId": "c"}
        message_id = served.message(**fields, jobId="unknown")
        assert served.call("POST", "/stops/lift", order) == {"cancelled": 0, "woken": 0, "stop": None}
        assert stored(served.database, message_id)["notBefore"] < now()

    def test_a_recipient_is_stopped_in_whatever_way_they_are_written(self, served: Served) -> None:
        order = {"scope": "recipient", "workspaceId": "w1", "target": "(212) 555-0123"}
        assert served.call("POST", "/stops", order, expect=201)["stop"]["target"] == ALICE

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"scope": "planet"}, "scope"),
            ({"scope": "line"}, "target"),
            ({"scope": "recipient", "target": "nobody"}, "target"),
            ({"until": "soon"}, "until"),
            ({"extra": 1}, "extra"),
            ({"workspaceId": ""}, "workspaceId"),
        ],
    )
    def test_a_wrong_order_names_the_field(self, served: Served, change: dict[str, Any], field: str) -> None:
        order = {"scope": "workspace", "workspaceId": "w1", **change}
        assert served.call("POST", "/stops", order, expect=422)["errors"][0]["field"] == field


class TestSchedules:
    def test_initialize_makes_the_two_schedules_and_twice_changes_nothing(self, served: Served) -> None:
        served.call("POST", "/initialize", headers=ADMIN)
        first = list(served.database[SCHEDULES].find())
        served.call("POST", "/initialize", headers=ADMIN)
        assert list(served.database[SCHEDULES].find()) == first
        shown = served.call("GET", "/schedules")["schedules"]
        assert {s["name"]: s["cron"] for s in shown} == {
            "health-check": "*/5 * * * *",
            "scheduled-messages": "* * * * *",
        }
        assert all(datetime.fromisoformat(s["nextAt"]) > now() for s in shown)

    def test_a_schedule_is_changed_piece_by_piece(self, served: Served) -> None:
        served.call("POST", "/initialize", headers=ADMIN)
        changed = served.call("PUT", "/schedules/health-check", {"enabled": False}, headers=ADMIN)
        assert (changed["enabled"], changed["cron"]) == (False, "*/5 * * * *")
        assert "nextAt" not in changed
        changed = served.call("PUT", "/schedules/health-check", {"cron": "0 3 * * *", "enabled": True}, headers=ADMIN)
        assert changed["cron"] == "0 3 * * *"

    def test_a_new_schedule_may_run_any_job_type(self, served: Served) -> None:
        data = {"integrationId": str(ObjectId()), "workspaceId": "w1"}
        body = {"jobType": "integration-sync", "cron": "0 2 * * *", "timezone": "Europe/Berlin", "data": data}
        shown = served.call("PUT", "/schedules/nightly", body, headers=ADMIN)
        assert (shown["timezone"], shown["missed"]) == ("Europe/Berlin", "run-once-late")

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"cron": "* * * *"}, "cron"),
            ({"timezone": "Berlin"}, "timezone"),
            ({"jobType": "nonsense"}, "jobType"),
            ({"data": {"x": 1}}, "data.x"),
            ({"missed": "sometimes"}, "missed"),
        ],
    )
    def test_a_wrong_schedule_names_the_field(self, served: Served, body: dict[str, Any], field: str) -> None:
        full = {"jobType": "health-check", "cron": "* * * * *", **body}
        problem = served.call("PUT", "/schedules/mine", full, headers=ADMIN, expect=422)
        assert problem["errors"][0]["field"] == field

    def test_a_schedule_runs_now_even_if_it_is_off(self, served: Served) -> None:
        data = {"integrationId": str(ObjectId()), "workspaceId": "w1"}
        body = {"jobType": "integration-sync", "cron": "0 2 * * *", "enabled": False, "data": data}
        served.call("PUT", "/schedules/nightly", body, headers=ADMIN)
        job_id = served.call("POST", "/schedules/nightly/run", headers=ADMIN, expect=202)["jobId"]
        assert served.call("GET", f"/jobs/{job_id}")["workspaceId"] == "w1"
        served.call("POST", "/schedules/nobody/run", headers=ADMIN, expect=404)

    def test_only_an_engineer_changes_and_runs_schedules(self, served: Served) -> None:
        served.call("PUT", "/schedules/mine", {"jobType": "health-check", "cron": "* * * * *"}, expect=403)
        served.call("POST", "/schedules/health-check/run", expect=403)


def new_message(**data: Any) -> dict[str, Any]:
    return {"type": "new-message", "data": {"guid": "g1", "isFromMe": True, "error": 0, **data}}


class TestWebhooks:
    def sent(self, served: Served, line_id: str, **fields: Any) -> str:
        return served.message(status="sent", lineId=ObjectId(line_id), providerMessageId="g1", **fields)

    def test_a_delivery_is_noted(self, served: Served) -> None:
        line_id = served.add_line()
        message_id = self.sent(served, line_id)
        body = {"type": "updated-message", "data": {"guid": "g1", "isFromMe": True, "dateDelivered": 1_700_000_000_000}}
        assert served.report("bluebubbles", line_id, body) == {"changed": True}
        assert stored(served.database, message_id)["status"] == "delivered"
        assert served.report("bluebubbles", line_id, body) == {"changed": False}

    def test_a_failure_that_comes_later_is_noted(self, served: Served) -> None:
        line_id = served.add_line()
        message_id = self.sent(served, line_id)
        served.report("bluebubbles", line_id, {"type": "message-send-error", "data": {"guid": "g1", "error": 22}})
        document = stored(served.database, message_id)
        assert (document["status"], document["error"]) == ("failed", "iMessage error 22")

    def test_proof_that_an_uncertain_message_went_out_settles_it(self, served: Served) -> None:
        line_id = served.add_line()
        message_id = served.message(
            status="uncertain", lineId=ObjectId(line_id), dispatchedAt=ago(60), clientReference="x"
        )
        served.report("bluebubbles", line_id, new_message(tempGuid=f"tuco-{message_id}"))
        document = stored(served.database, message_id)
        assert (document["status"], document["providerMessageId"]) == ("sent", "g1")

    def test_a_report_by_another_line_proves_nothing(self, served: Served) -> None:
        line_id, other = served.add_line(), served.add_line()
        message_id = served.message(
            status="uncertain", lineId=ObjectId(line_id), dispatchedAt=ago(60), clientReference="x"
        )
        served.report("bluebubbles", other, new_message(tempGuid=f"tuco-{message_id}"))
        assert stored(served.database, message_id)["status"] == "uncertain"

    def test_a_message_that_was_never_marked_is_not_taken_for_sent(self, served: Served) -> None:
        line_id = served.add_line()
        message_id = served.message(status="queued", lineId=ObjectId(line_id))
        served.report("bluebubbles", line_id, new_message(tempGuid=f"tuco-{message_id}"))
        assert stored(served.database, message_id)["status"] == "queued"

    def test_sendblue_reports_by_the_url_that_it_was_given(self, served: Served) -> None:
        line_id = served.add_line("sendblue")
        message_id = served.message(
            status="uncertain", lineId=ObjectId(line_id), dispatchedAt=ago(60), clientReference="x"
        )
        body = {"is_outbound": True, "status": "DELIVERED", "message_handle": "h1"}
        served.report("sendblue", line_id, body, query=f"?message=tuco-{message_id}")
        document = stored(served.database, message_id)
        assert (document["status"], document["providerMessageId"]) == ("delivered", "h1")

    @pytest.mark.parametrize("text", ["STOP", "stop.", "Unsubscribe"])
    def test_a_reply_that_means_stop_is_an_opt_out(self, served: Served, text: str) -> None:
        line_id = served.add_line()
        lead_id = served.database[LEADS].insert_one({"workspaceId": "w1", "phone": "(212) 555-0123"}).inserted_id
        served.message(leadId=lead_id, status="sent")
        served.report("bluebubbles", line_id, new_message(isFromMe=False, handle={"address": ALICE}, text=text))
        lead = served.database[LEADS].find_one({"_id": lead_id})
        assert lead is not None
        assert lead["optedOutAt"]
        (stop,) = served.call("GET", "/stops?workspaceId=w1")["stops"]
        assert (stop["target"], stop["reason"], stop["cancels"]) == (ALICE, "opted_out", True)

    def test_other_replies_are_not(self, served: Served) -> None:
        line_id = served.add_line()
        body = new_message(isFromMe=False, handle={"address": ALICE}, text="Don't stop!")
        assert served.report("bluebubbles", line_id, body) == {"changed": False}
        assert served.call("GET", "/stops?workspaceId=w1")["stops"] == []

    def test_the_secret_may_come_in_a_header(self, served: Served) -> None:
        line_id = served.add_line("sendblue")
        secret = WebhookSecrets(KEY).of(line_id)
        for name in ("sb-signing-secret", "x-webhook-secret"):
            answer = served.client.post(
                f"/api/webhooks/sendblue/{line_id}", json={"is_outbound": False}, headers={name: secret}
            )
            assert answer.status_code == 200

    @pytest.mark.parametrize("secret", ["", "wrong", "é"])
    def test_without_its_secret_nothing_is_taken(self, served: Served, secret: str) -> None:
        line_id = served.add_line()
        message_id = self.sent(served, line_id)
        body = {"type": "message-send-error", "data": {"guid": "g1", "error": 22}}
        path = f"/api/webhooks/bluebubbles/{line_id}" + (f"/{secret}" if secret else "")
        assert served.client.post(path, json=body).status_code == 401
        assert stored(served.database, message_id)["status"] == "sent"

    def test_a_body_that_is_no_report_is_refused(self, served: Served) -> None:
        line_id = served.add_line()
        served.report("bluebubbles", line_id, {"hello": 1}, expect=422)
        served.report("sendblue", line_id, {"is_outbound": True}, expect=422)

    def test_events_of_other_kinds_are_taken_and_change_nothing(self, served: Served) -> None:
        line_id = served.add_line()
        assert served.report("bluebubbles", line_id, {"type": "typing-indicator", "data": {}}) == {"changed": False}
