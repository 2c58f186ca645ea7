"""Decisions about jobs on real stores, with a reconciler that looks after each."""

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import redis

from libs.common.broker.held_job import Fetched
from libs.common.broker.outcome import Cancelled, Completed, Dead, Outcome
from libs.common.broker.queue import JobQueue
from libs.common.broker.settlement import Settler
from libs.common.clock import SystemClock
from libs.common.jobs.registry import queues
from libs.common.jobs.states import LedgerStatus
from libs.common.ledger.mongo import MongoLedger
from libs.common.ledger.reconciler import Reconciler, Report
from libs.common.ledger.redis_epoch import RedisEpoch
from tests.integration.gateway.conftest import ADMIN, SERVICE, Served, serve, settings_for
from tests.integration.gateway.stub import Stub
from tests.unit.gateway.bad_inputs import message, sync

QUEUE = "integration-sync"
LINE = b'{"n":1,"o":"failed","e":"boom","w":"w","s":1,"d":1}'


def submit(served: Served, number: int) -> str:
    answer = served.client.post("/api/bullmq/jobs", json=sync(integrationId=f"{number:024x}"), headers=SERVICE)
    job_id: str = json.loads(answer.text)["jobId"]
    return job_id


def call(served: Served, method: str, path: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(served.client.open(f"/api/bullmq/{path}", method=method, headers=ADMIN).text)
    return answer


def reconcile(served: Served, client: "redis.Redis") -> Report:
    """A look at every open job, as a gateway takes it that has just started."""
    by_name = {name: JobQueue(client, name) for name in queues()}
    ledger, epoch = MongoLedger(served.database), RedisEpoch(client)
    return Reconciler(ledger, by_name, epoch, clock=SystemClock(), after=timedelta(seconds=10)).run_once()


def bury_all(served: Served, client: "redis.Redis") -> None:
    """As a worker does it whose jobs fail for good; the reconciler tells the ledger."""
    run = JobQueue(client, QUEUE).scripts.run
    for job in Fetched(QUEUE, run("fetch", 500, "w", 60_000, 0)).jobs:
        run("dead_letter", job.job_id, job.fence, LINE, "boom")
    reconcile(served, client)


def test_the_reconciler_does_not_bring_back_what_was_cancelled_or_removed(
    served: Served, redis_client: "redis.Redis"
) -> None:
    buried = submit(served, 1)
    bury_all(served, redis_client)
    cancelled = submit(served, 2)

    assert call(served, "DELETE", f"jobs/{cancelled}")["status"] == "cancelled"
    assert call(served, "DELETE", f"jobs/{buried}")["status"] == "removed"

    report = reconcile(served, redis_client)
    assert (report.looked_at, report.enqueued) == (0, 0)
    assert call(served, "GET", f"jobs/{cancelled}")["state"] == LedgerStatus.CANCELLED
    assert call(served, "GET", f"jobs/{buried}")["state"] == LedgerStatus.FAILED


@pytest.mark.parametrize(
    ("outcome", "state"),
    [(Completed({"n": 1}), "completed"), (Dead("boom"), "failed"), (Cancelled(), "cancelled")],
    ids=["completed", "failed", "stopped"],
)
def test_ledger_and_queue_agree_on_how_a_job_ended_that_was_cancelled_while_it_ran(
    served: Served, redis_client: "redis.Redis", outcome: Outcome, state: str
) -> None:
    job_id = submit(served, 1)
    queue, ledger = JobQueue(redis_client, QUEUE), MongoLedger(served.database)
    (running,) = Fetched(QUEUE, queue.scripts.run("fetch", 1, "w", 60_000, 0)).jobs

    assert call(served, "DELETE", f"jobs/{job_id}")["status"] == "cancelling"
    running.outcome = outcome
    assert Settler(queue.scripts, worker="w", lease_ms=60_000, recorder=ledger).settle([running]) == []

    entry, view = ledger.get(job_id), queue.get(job_id)
    assert entry is not None
    assert entry.status == state
    assert (view.state if view else "cancelled") == state


@pytest.mark.parametrize("bulk", [False, True])
def test_the_reconciler_does_not_forget_what_was_retried(
    served: Served, redis_client: "redis.Redis", bulk: bool
) -> None:
    ids = [submit(served, number) for number in range(3)]
    bury_all(served, redis_client)

    if bulk:
        assert call(served, "POST", f"queues/{QUEUE}/dead/retry")["done"] == 3
    else:
        assert [call(served, "POST", f"jobs/{job_id}/retry")["status"] for job_id in ids] == ["retried"] * 3
    redis_client.flushall()

    assert reconcile(served, redis_client).enqueued == 3
    assert {call(served, "GET", f"jobs/{job_id}")["state"] for job_id in ids} == {"waiting"}


def test_a_dead_letter_that_redis_lost_is_retried_from_the_ledger(served: Served, redis_client: "redis.Redis") -> None:
    job_id = submit(served, 1)
    bury_all(served, redis_client)
    redis_client.flushall()

    assert call(served, "POST", f"jobs/{job_id}/retry")["status"] == "retried"
    assert call(served, "GET", f"jobs/{job_id}")["state"] == "waiting"


def test_a_dead_letter_is_not_retried_beside_a_job_that_does_the_same(
    served: Served, redis_client: "redis.Redis"
) -> None:
    old = submit(served, 1)
    bury_all(served, redis_client)
    new = submit(served, 1)

    assert old != new
    assert call(served, "POST", f"jobs/{old}/retry")["status"] == 409
    assert call(served, "POST", f"queues/{QUEUE}/dead/retry")["refused"] == 1
    assert call(served, "GET", f"jobs/{old}")["status"] == "failed"


def test_while_redis_is_away_a_message_is_sent_by_the_service(
    mongo_uri: str, served: Served, availability: Stub
) -> None:
    availability.says(200, {"result": {"status": "sent"}})
    settings = settings_for("redis://127.0.0.1:9/0", mongo_uri)
    lonely = serve(msgspec.structs.replace(settings, messaging_url=availability.url))

    answer = lonely.client.post("/api/bullmq/jobs", json=message(), headers=SERVICE)

    assert (answer.status_code, json.loads(answer.text)["result"]) == (200, {"status": "sent"})
    assert availability.asked[0][3]["jobType"] == "message-processing"
    assert served.database["jobs"].count_documents({"status": "completed"}) == 1


def edit(served: Served, job_id: str, data: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = served.client.post(f"/api/bullmq/jobs/{job_id}/retry", json={"data": data}, headers=ADMIN)
    return answer.status_code, json.loads(answer.text)


def test_a_dead_letter_runs_again_with_another_payload_and_the_audit_log_tells_both(
    served: Served, redis_client: "redis.Redis"
) -> None:
    job_id = submit(served, 1)
    bury_all(served, redis_client)
    data = sync(integrationId="f" * 24, mode="full")["data"]

    assert edit(served, job_id, data) == (200, {"jobId": job_id, "queue": QUEUE, "status": "retried"})

    view = JobQueue(redis_client, QUEUE).get(job_id)
    stored = served.database["jobs"].find_one({"_id": job_id}) or {}
    assert view is not None
    assert (view.state, dict(view.data), view.attempts) == ("waiting", data, ())
    assert (stored["status"], stored["data"], stored["uniqueKey"]) == ("accepted", data, f"{QUEUE}:w1/{'f' * 24}")
    assert reconcile(served, redis_client).enqueued == 0
    entry = served.database["audit"].find_one({}) or {}
    assert entry["details"]["changes"]["integrationId"] == {"before": f"{1:024x}", "after": "f" * 24}


def test_an_edited_job_that_redis_loses_comes_back_with_its_new_payload(
    served: Served, redis_client: "redis.Redis"
) -> None:
    job_id = submit(served, 1)
    bury_all(served, redis_client)
    edit(served, job_id, sync(integrationId="f" * 24)["data"])
    redis_client.flushall()

    assert reconcile(served, redis_client).enqueued == 1
    view = JobQueue(redis_client, QUEUE).get(job_id)
    assert view is not None
    assert view.data["integrationId"] == "f" * 24


def test_a_payload_is_changed_only_into_one_that_the_job_may_have(served: Served, redis_client: "redis.Redis") -> None:
    job_id, other = submit(served, 1), submit(served, 2)

    assert edit(served, job_id, sync()["data"])[0] == 409
    bury_all(served, redis_client)
    assert edit(served, job_id, {"integrationId": "nope", "workspaceId": "w1"})[0] == 422
    assert edit(served, job_id, sync(workspaceId="w2")["data"])[0] == 422
    third = submit(served, 3)
    assert edit(served, job_id, sync(integrationId=f"{3:024x}")["data"])[0] == 409
    assert call(served, "GET", f"jobs/{job_id}")["state"] == "failed"
    assert third != other
