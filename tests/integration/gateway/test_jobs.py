"""Jobs through the gateway into real stores."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from bson import ObjectId

from libs.common.stores.collections import JOBS, LEADS
from tests.integration.gateway.conftest import NOBODY, SERVICE, Served, serve, settings_for
from tests.integration.gateway.stub import Stub
from tests.unit.gateway.bad_inputs import BAD_INPUTS, JSON, bulk, sync

PATH = "/api/bullmq/jobs"


def post(served: Served, body: Any, **headers: str) -> tuple[int, dict[str, Any]]:
    answer = served.client.post(PATH, json=body, headers={**SERVICE, **headers})
    return answer.status_code, json.loads(answer.text)


def show(served: Served, job_id: str) -> dict[str, Any]:
    job: dict[str, Any] = json.loads(served.client.get(f"{PATH}/{job_id}", headers=SERVICE).text)
    return job


def leads(served: Served, count: int, *, workspace_id: str = "w1") -> list[str]:
    ids = [ObjectId() for _ in range(count)]
    served.database[LEADS].insert_many([{"_id": lead_id, "workspaceId": workspace_id} for lead_id in ids])
    return [str(lead_id) for lead_id in ids]


@pytest.fixture
def limited_redis(redis_client: "redis.Redis") -> Iterator["redis.Redis"]:
    """The session's Redis, whose memory limit is lifted again afterwards."""
    yield redis_client
    redis_client.config_set("maxmemory", 0)


def test_no_bad_request_leaves_anything_in_either_store(served: Served, redis_client: "redis.Redis") -> None:
    for bad in BAD_INPUTS:
        answer = served.client.post(PATH, data=bad.content, headers={**SERVICE, "Content-Type": JSON, **bad.headers})
        # The size limit is the default here, so this row is only white space.
        expected = 400 if bad.status == 413 else bad.status
        assert answer.status_code == expected, (bad.title, answer.text)

    assert served.database[JOBS].count_documents({}) == 0
    assert redis_client.dbsize() == 0


def test_a_job_is_in_both_stores_when_it_is_answered(served: Served) -> None:
    status, receipt = post(served, bulk(leadIds=leads(served, 11)))

    assert (status, receipt["status"]) == (202, "waiting")
    document = served.database[JOBS].find_one({"_id": receipt["jobId"]})
    assert document is not None
    assert (document["status"], document["open"], len(document["data"]["leadIds"])) == ("accepted", True, 11)
    job = show(served, receipt["jobId"])
    assert (job["state"], job["status"], job["inQueue"], job["workspaceId"]) == ("waiting", "accepted", True, "w1")


def test_a_delayed_job_waits_and_a_prioritized_one_is_prioritized(served: Served) -> None:
    delayed = post(served, sync() | {"options": {"delayMs": 60_000}})[1]
    first = post(served, sync(integrationId="1" * 24) | {"options": {"priority": 1}})[1]

    assert (delayed["status"], show(served, delayed["jobId"])["state"]) == ("delayed", "delayed")
    assert (first["status"], show(served, first["jobId"])["state"]) == ("prioritized", "prioritized")


def test_a_job_is_shown_after_redis_lost_it(served: Served, redis_client: "redis.Redis") -> None:
    job_id = post(served, sync())[1]["jobId"]
    redis_client.flushall()

    job = show(served, job_id)

    assert (job["state"], job["inQueue"], job["jobType"]) == ("accepted", False, "integration-sync")


@pytest.mark.parametrize("job_id", ["nobody", "%00", "%ff", "%F0%9F%92%A9", "a" * 4_000, "%24ne", "..", "a%0d%0ab"])
def test_an_id_that_nobody_has_is_not_found(served: Served, job_id: str) -> None:
    assert served.client.get(f"{PATH}/{job_id}", headers=SERVICE).status_code == 404


@pytest.mark.alone
def test_a_hundred_thousand_leads_are_accepted_in_under_two_seconds(served: Served) -> None:
    ids = [f"{n:024x}" for n in range(100_000)]
    served.database[LEADS].insert_one({"_id": ObjectId(ids[-1]), "workspaceId": "w1"})
    body = json.dumps(bulk(leadIds=ids))

    started = time.perf_counter()
    answer = served.client.post(PATH, data=body, headers=SERVICE, content_type=JSON)
    seconds = time.perf_counter() - started

    assert answer.status_code == 202, answer.text
    assert seconds < 2


def test_redis_holds_ids_of_jobs_only(served: Served, redis_client: "redis.Redis") -> None:
    ids = leads(served, 500)
    post(served, bulk(leadIds=ids))

    everything = repr(_values(redis_client))

    assert "bulk-availability-check" in everything
    assert not any(lead_id in everything for lead_id in ids)


def test_leads_of_another_workspace_are_not_enough(served: Served) -> None:
    status, problem = post(served, bulk(leadIds=leads(served, 20, workspace_id="w2")))

    assert (status, problem["errors"][0]["field"]) == (422, "data.leadIds")


def test_one_known_lead_among_many_unknown_ones_is_found(served: Served) -> None:
    known = leads(served, 1)
    unknown = [str(ObjectId()) for _ in range(2_500)]

    assert post(served, bulk(leadIds=unknown))[0] == 422
    assert post(served, bulk(leadIds=[*unknown, *known]))[0] == 202


def test_a_small_check_is_answered_by_the_service(served: Served, availability: Stub) -> None:
    availability.says(200, {"result": {"total": 2}})
    ids = leads(served, 2)

    status, receipt = post(served, bulk(leadIds=[*ids, *ids]))

    assert (status, receipt["status"], receipt["result"]) == (200, "completed", {"total": 2})
    method, path, headers, body = availability.asked[0]
    assert (method, path, headers["Authorization"]) == ("POST", "/run", "Bearer service")
    assert body == {
        "jobType": "bulk-availability-check",
        "jobId": receipt["jobId"],
        "data": {"leadIds": ids, "userId": "u1", "workspaceId": "w1"},
    }
    job = show(served, receipt["jobId"])
    assert (job["state"], job["status"], job["result"], job["inQueue"]) == (
        "completed",
        "completed",
        {"total": 2},
        False,
    )


@pytest.mark.parametrize("status", [401, 404, 422, 500, 503])
def test_a_service_that_refuses_leaves_the_job_to_the_queue(served: Served, availability: Stub, status: int) -> None:
    availability.says(status, {"title": "no"})

    assert post(served, bulk(leadIds=leads(served, 2)))[0] == 202


@pytest.mark.parametrize("body", [b"<html>", b'{"answer": 1}', b"[]", b""])
def test_a_service_whose_answer_is_none_leaves_the_job_to_the_queue(
    served: Served, availability: Stub, body: bytes
) -> None:
    availability.says(200, body)

    assert post(served, bulk(leadIds=leads(served, 2)))[0] == 202


def test_a_service_that_is_silent_leaves_the_job_to_the_queue(served: Served, availability: Stub) -> None:
    availability.says(200, {"result": {}})
    availability.chunk_pause_s = 3
    started = time.perf_counter()

    assert post(served, bulk(leadIds=leads(served, 2)))[0] == 202
    assert time.perf_counter() - started < 2.5


def test_of_many_requests_with_one_key_at_once_one_job_comes(served: Served, redis_client: "redis.Redis") -> None:
    answers: list[tuple[int, dict[str, Any]]] = []
    body = bulk(leadIds=leads(served, 11))

    def ask() -> None:
        answers.append(post(served, body, **{"Idempotency-Key": "k"}))

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {status for status, _ in answers} == {202}
    assert len({receipt["jobId"] for _, receipt in answers}) == 1
    assert served.database[JOBS].count_documents({}) == 1
    assert _stats(served)["totals"]["waiting"] == 1


def test_a_key_with_another_request_is_refused(served: Served) -> None:
    key = {"Idempotency-Key": "k"}
    first = post(served, sync(), **key)

    assert post(served, sync(), **key) == first
    status, problem = post(served, sync(mode="full"), **key)
    assert (status, problem["errors"][0]["field"]) == (422, "Idempotency-Key")


def test_a_second_sync_of_an_integration_meets_the_first(served: Served) -> None:
    assert post(served, sync())[1]["jobId"] == post(served, sync(mode="full"))[1]["jobId"]


def test_a_full_redis_refuses_and_accepts_nothing(served: Served, limited_redis: "redis.Redis") -> None:
    limited_redis.config_set("maxmemory", 1)

    status, problem = post(served, sync())

    assert (status, problem["type"]) == (503, "urn:tuco-jobs:problem:queue-full")
    assert served.database[JOBS].count_documents({}) == 0

    limited_redis.config_set("maxmemory", 0)
    assert post(served, sync())[0] == 202


def test_without_redis_jobs_are_accepted_into_the_ledger(mongo_uri: str, served: Served) -> None:
    lonely = serve(settings_for("redis://127.0.0.1:9/0", mongo_uri))

    status, receipt = post(lonely, sync())

    assert (status, receipt["status"]) == (202, "accepted")
    assert served.database[JOBS].count_documents({"open": True}) == 1
    assert show(lonely, receipt["jobId"])["inQueue"] is None


def test_without_mongodb_the_answer_is_503_with_retry_after(redis_url: str, redis_client: "redis.Redis") -> None:
    uri = "mongodb://me:s3cr3t@127.0.0.1:9/tuco?serverSelectionTimeoutMS=100"
    lonely = serve(settings_for(redis_url, uri, availability_url=NOBODY))

    answer = lonely.client.post(PATH, json=sync(), headers=SERVICE)

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "s3cr3t" not in answer.text
    assert not [key for key in redis_client.scan_iter() if b"jobs" in key]


def _stats(served: Served) -> dict[str, Any]:
    stats: dict[str, Any] = json.loads(served.client.get("/api/bullmq/stats", headers=SERVICE).text)
    return stats


def _values(client: "redis.Redis") -> list[Any]:
    readers: dict[bytes, Callable[[Any], Any]] = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"set": client.smembers,
        b"stream": client.xrange,
    }
    return [(key, readers[bytes(client.type(key))](key)) for key in client.scan_iter()]  # type: ignore[arg-type]  # bytes
