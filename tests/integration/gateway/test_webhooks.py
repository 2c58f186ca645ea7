"""Webhooks on real stores: from a change in MongoDB to a signed call, with what may go wrong in between."""

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import redis
from flask.testing import FlaskClient
from pymongo.database import Database

from libs.common.broker.queue import JobQueue
from libs.common.clock import SystemClock
from libs.common.credentials import CredentialsVault, new_credentials_key
from libs.common.errors import Retryable
from libs.common.jobs.webhook_delivery import WEBHOOK_DELIVERY, WebhookDelivery
from libs.common.settings import Secret, Settings
from libs.common.stores.collections import MESSAGES, WEBHOOK_DELIVERIES, WEBHOOKS
from libs.common.worker.worker import Worker
from services.gateway.webhooks.delivering import Deliveries, HttpCaller
from services.gateway.webhooks.feed import WebhookFeed
from services.gateway.webhooks.signing import signed_headers
from services.gateway.webhooks.store import DISABLED_AFTER, DeliveryStore, WebhookStore
from services.gateway.worker_bootstrap import build_worker
from tests.integration.gateway.conftest import Served, serve, settings_for
from tests.integration.gateway.stub import Stub, running_stub
from tests.waiting import wait_until

SERVICE = {"Authorization": "Bearer service"}
OF_W1 = {"Authorization": "Bearer of-w1"}
NO_TURN = timedelta(0)


class FakeJob:
    """What a delivery sees of its own job."""

    def __init__(self, attempt: int = 1) -> None:
        self.attempt = attempt
        self.max_attempts = WEBHOOK_DELIVERY.max_attempts


class Hooks:
    """A gateway in dev, the app's receiver, and the worker's two parts, driven by hand."""

    def __init__(self, served: Served, settings: Settings, receiver: Stub, client: "redis.Redis") -> None:
        self.settings = settings
        self.client: FlaskClient = served.gateway.app.test_client()
        self.database: Database[dict[str, Any]] = served.database
        self.receiver = receiver
        self.queue = JobQueue(client, WEBHOOK_DELIVERY.queue)
        self.webhooks = WebhookStore(self.database, lambda: CredentialsVault(settings.credentials_key))
        self.deliveries = DeliveryStore(self.database)
        self.feed = WebhookFeed(
            self.database, self.webhooks, self.deliveries, self.queue, clock=SystemClock(), wait_ms=300
        )

    def call(self, method: str, path: str, headers: dict[str, str] = SERVICE, **how: Any) -> tuple[int, Any]:
        answer = self.client.open(f"/api/bullmq/webhooks{path}", method=method, headers=headers, **how)
        return answer.status_code, json.loads(answer.text)

    def make(self, *events: str, **order: Any) -> dict[str, Any]:
        order = {"url": f"{self.receiver.url}/hook", "events": events or ("message.sent",), **order}
        status, made = self.call("POST", "", json=order)
        assert status == 201, made
        assert isinstance(made, dict)
        return made

    def message(self, status: str, *, workspace: str = "w1") -> str:
        """A message whose status becomes this one."""
        document = {"workspaceId": workspace, "to": "+1", "text": "t", "status": "sending"}
        message_id = self.database[MESSAGES].insert_one(document).inserted_id
        self.database[MESSAGES].update_one({"_id": message_id}, [{"$set": {"status": status, "updatedAt": "$$NOW"}}])
        return str(message_id)

    def waiting(self) -> list[str]:
        return [each["_id"] for each in self.database[WEBHOOK_DELIVERIES].find({"status": "pending"})]

    def deliver(self, delivery_id: str, *, attempt: int = 1, inside_too: bool = True) -> None:
        call = HttpCaller(inside_too=inside_too, clock=SystemClock())
        makes = Deliveries(self.webhooks, self.deliveries, call, clock=SystemClock())
        payload = WebhookDelivery(delivery_id=delivery_id)
        asyncio.run(makes.deliver(payload, FakeJob(attempt)))  # type: ignore[arg-type]  # a context of the test's own

    def delivery(self, delivery_id: str) -> dict[str, Any]:
        return self.database[WEBHOOK_DELIVERIES].find_one({"_id": delivery_id}) or {}


def a_second_begins() -> None:
    """Waits for the next whole second, which is as exactly as MongoDB dates changes."""
    second = int(time.time())
    wait_until(lambda: int(time.time()) > second, deadline_s=3, message="the next second")


@pytest.fixture
def hooks(redis_url: str, redis_client: "redis.Redis", mongo_uri: str) -> Iterator[Hooks]:
    settings = msgspec.structs.replace(
        settings_for(redis_url, mongo_uri),
        environment="dev",
        credentials_key=Secret(new_credentials_key()),
        workspace_tokens=Secret("w1=of-w1"),
    )
    served = serve(settings)
    with running_stub() as receiver:
        yield Hooks(served, settings, receiver, redis_client)
    served.gateway.close()
    served.database.client.close()


def test_a_change_of_a_message_becomes_a_signed_call(hooks: Hooks) -> None:
    made = hooks.make("message.sent", "message.failed", workspaceId="w1")
    sent = hooks.message("sent")
    hooks.message("sent", workspace="w2")
    hooks.message("delivered")

    assert hooks.feed.run_once(turn=NO_TURN) == 1
    (delivery_id,) = hooks.waiting()
    assert hooks.queue.known([delivery_id]) == {delivery_id}
    hooks.deliver(delivery_id)

    ((method, path, headers, body),) = hooks.receiver.asked
    assert (method, path, body["type"], body["data"]["messageId"]) == ("POST", "/hook", "message.sent", sent)
    assert not {"to", "text"} & set(body["data"])
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    raw = hooks.delivery(delivery_id)["body"].encode()
    expected = signed_headers(made["secret"], message_id=f"msg_{delivery_id}", at=at, body=raw)
    assert {name: headers[name] for name in expected} == expected
    assert hooks.delivery(delivery_id)["status"] == "delivered"


def test_the_gateway_s_own_worker_notices_and_delivers(hooks: Hooks) -> None:
    process = build_worker(hooks.settings, WEBHOOK_DELIVERY.queue)
    worker = Worker(process.broker, queues=process.queues, concurrency=2, threads=1)
    hooks.make()
    worker.start()
    process.on_start()
    try:
        hooks.message("sent")
        wait_until(lambda: len(hooks.receiver.asked) == 1, deadline_s=15, message="the webhook was not called")
        wait_until(lambda: hooks.waiting() == [], deadline_s=5, message="the delivery is not noted")
    finally:
        process.on_stop()
        worker.stop(grace=timedelta(seconds=1))


def test_the_secret_is_shown_once_and_is_sealed_where_it_is_kept(hooks: Hooks) -> None:
    made = hooks.make()

    assert made["secret"].startswith("whsec_")
    assert "secret" not in hooks.call("GET", f"/{made['webhookId']}")[1]
    assert made["secret"] not in str(hooks.database[WEBHOOKS].find_one({}))


def test_an_event_that_is_read_again_is_delivered_once(hooks: Hooks) -> None:
    hooks.make()
    hooks.message("sent")
    hooks.feed.run_once(turn=NO_TURN)
    (delivery_id,) = hooks.waiting()
    hooks.deliver(delivery_id)

    # As if the process had died before it could store its place.
    hooks.database["webhookFeed"].delete_many({})
    hooks.feed.run_once(turn=NO_TURN)
    hooks.deliver(delivery_id)

    assert hooks.waiting() == []
    assert len(hooks.receiver.asked) == 1


def test_what_happens_while_nobody_reads_is_told_afterwards(hooks: Hooks) -> None:
    hooks.make()
    hooks.feed.run_once(turn=NO_TURN)
    for _ in range(3):
        hooks.message("sent")

    assert hooks.feed.run_once(turn=NO_TURN) == 3


def test_the_place_is_stored_after_changes_and_at_the_end_of_a_turn_and_not_at_every_look(hooks: Hooks) -> None:
    hooks.make()
    hooks.feed.run_once(turn=NO_TURN)
    feed = WebhookFeed(hooks.database, hooks.webhooks, hooks.deliveries, hooks.queue, clock=SystemClock(), wait_ms=10)
    places: list[Any] = []

    def looked() -> bool:
        places.append((hooks.database["webhookFeed"].find_one({}) or {})["at"])
        if len(places) == 3:
            hooks.message("sent")
        return bool(places[-1] != places[0])

    assert feed.run_once(stopping=looked, turn=timedelta(seconds=5)) == 1
    assert len(set(places[:3])) == 1, "nothing happened"
    assert len(set(places)) == 2, "there was one change"
    assert (hooks.database["webhookFeed"].find_one({}) or {})["at"] > places[-1], "the turn has ended"


@pytest.mark.parametrize("others", [0, 1])
def test_a_webhook_is_not_told_of_what_happened_while_it_was_off(hooks: Hooks, others: int) -> None:
    """With another webhook the feed goes on meanwhile; without one it begins anew."""
    made = hooks.make()
    for _ in range(others):
        hooks.make("message.failed")
    hooks.call("PATCH", f"/{made['webhookId']}", json={"status": "disabled"})
    hooks.feed.run_once(turn=NO_TURN)
    hooks.message("sent")
    a_second_begins()

    again = hooks.call("PATCH", f"/{made['webhookId']}", json={"status": "active"})[1]
    told = hooks.message("sent")
    unchanged = hooks.call("PATCH", f"/{made['webhookId']}", json={"status": "active"})[1]

    assert hooks.feed.run_once(turn=NO_TURN) == 1
    (delivery_id,) = hooks.waiting()
    assert json.loads(hooks.delivery(delivery_id)["body"])["data"]["messageId"] == told
    assert unchanged["toldFrom"] == again["toldFrom"] > made["createdAt"]


def test_a_delivery_whose_job_redis_lost_gets_another(hooks: Hooks, redis_client: "redis.Redis") -> None:
    hooks.make()
    hooks.message("sent")
    hooks.feed.run_once(turn=NO_TURN)
    (delivery_id,) = hooks.waiting()
    redis_client.flushall()
    assert hooks.feed.sweep() == 0, "it is too young to be missed"
    hooks.database[WEBHOOK_DELIVERIES].update_many({}, {"$set": {"createdAt": datetime.now(UTC) - timedelta(hours=1)}})

    assert hooks.feed.sweep() == 1
    assert hooks.queue.known([delivery_id]) == {delivery_id}
    assert hooks.feed.sweep() == 0


def test_a_refused_call_is_made_again_until_the_last_attempt(hooks: Hooks) -> None:
    made = hooks.make()
    delivery_id = hooks.call("POST", f"/{made['webhookId']}/test")[1]["deliveryId"]
    hooks.receiver.says(500, {})

    with pytest.raises(Retryable, match="HTTP 500"):
        hooks.deliver(delivery_id)
    assert hooks.delivery(delivery_id)["status"] == "pending"
    hooks.deliver(delivery_id, attempt=WEBHOOK_DELIVERY.max_attempts)

    status, page = hooks.call("GET", f"/{made['webhookId']}/deliveries")
    assert (status, page["deliveries"][0]["status"]) == (200, "failed")
    assert [attempt["status"] for attempt in page["deliveries"][0]["attempts"]] == [500, 500]


def test_a_webhook_that_fails_for_days_is_switched_off_and_says_why(hooks: Hooks) -> None:
    made = hooks.make()
    long_ago = datetime.now(UTC) - DISABLED_AFTER - timedelta(hours=1)
    hooks.database[WEBHOOKS].update_one({}, {"$set": {"failingSince": long_ago}})
    delivery_id = hooks.call("POST", f"/{made['webhookId']}/test")[1]["deliveryId"]
    hooks.receiver.says(503, {})

    with pytest.raises(Retryable):
        hooks.deliver(delivery_id)

    shown = hooks.call("GET", f"/{made['webhookId']}")[1]
    assert shown["status"] == "disabled"
    assert "no delivery has succeeded for 5 days; the last answer: HTTP 503" in shown["disabledReason"]
    assert hooks.call("POST", f"/{made['webhookId']}/test")[0] == 409
    again = hooks.call("PATCH", f"/{made['webhookId']}", json={"status": "active"})[1]
    assert "disabledReason" not in again
    assert "failingSince" not in again


def test_a_webhook_that_is_off_or_gone_is_not_called(hooks: Hooks) -> None:
    off, gone = hooks.make()["webhookId"], hooks.make()["webhookId"]
    deliveries = [hooks.call("POST", f"/{each}/test")[1]["deliveryId"] for each in (off, gone)]
    hooks.call("PATCH", f"/{off}", json={"status": "disabled"})
    hooks.call("DELETE", f"/{gone}")

    for each in deliveries:
        hooks.deliver(each)

    ended = [hooks.delivery(each) for each in deliveries]
    assert [each["status"] for each in ended] == ["failed", "failed"]
    assert {each["attempts"][0]["error"] for each in ended} == {"the webhook is off or gone"}
    assert hooks.receiver.asked == []


def test_a_delivery_reads_its_webhook_once(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    delivery_id = hooks.call("POST", f"/{hooks.make()['webhookId']}/test")[1]["deliveryId"]
    reads: list[Any] = []
    webhooks = hooks.webhooks._webhooks
    read = webhooks.find_one

    def noted(which: dict[str, Any]) -> Any:
        reads.append(which)
        return read(which)

    monkeypatch.setattr(webhooks, "find_one", noted)

    hooks.deliver(delivery_id)

    assert hooks.delivery(delivery_id)["status"] == "delivered"
    assert len(reads) == 1


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_is_not_followed(hooks: Hooks, status: int) -> None:
    made = hooks.make()
    delivery_id = hooks.call("POST", f"/{made['webhookId']}/test")[1]["deliveryId"]
    hooks.receiver.says(status, {})

    with pytest.raises(Retryable, match=f"HTTP {status}"):
        hooks.deliver(delivery_id)

    assert len(hooks.receiver.asked) == 1


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001"])
def test_outside_dev_no_name_leads_to_this_machine(hooks: Hooks, host: str) -> None:
    made = hooks.make()
    port = hooks.receiver.url.rpartition(":")[2]
    hooks.database[WEBHOOKS].update_one({}, {"$set": {"url": f"https://{host}:{port}/hook"}})
    delivery_id = hooks.call("POST", f"/{made['webhookId']}/test")[1]["deliveryId"]

    hooks.deliver(delivery_id, inside_too=False)

    attempt = hooks.delivery(delivery_id)["attempts"][0]
    assert hooks.delivery(delivery_id)["status"] == "failed"
    assert "not public" in attempt["error"]
    assert hooks.receiver.asked == []


def test_a_token_of_a_workspace_sees_and_touches_only_its_webhooks(hooks: Hooks) -> None:
    mine, others = hooks.make(workspaceId="w1")["webhookId"], hooks.make()["webhookId"]

    assert [each["webhookId"] for each in hooks.call("GET", "", OF_W1)[1]["webhooks"]] == [mine]
    for method, path, body in [
        ("GET", "", None),
        ("PATCH", "", {"status": "disabled"}),
        ("DELETE", "", None),
        ("POST", "/test", None),
        ("GET", "/deliveries", None),
    ]:
        assert hooks.call(method, f"/{others}{path}", OF_W1, json=body)[0] == 404
    order = {"url": "https://app.example/", "events": ["message.sent"]}
    assert hooks.call("POST", "", OF_W1, json=order)[0] == 422
    assert hooks.call("POST", "", OF_W1, json={**order, "workspaceId": "w2"})[0] == 422
    assert hooks.call("POST", "", OF_W1, json={**order, "workspaceId": "w1"})[0] == 201
