"""What happens to a job at the door, on stores in memory."""

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial, wraps
from typing import Any

import pytest
from structlog.testing import capture_logs

from libs.common.broker.model import NewJob
from libs.common.errors import QueueFull, StoreUnavailable
from libs.common.jobs.states import JobState, LedgerStatus
from libs.common.ledger.model import Ending
from services.gateway.serving.waiting import is_on_loop, run_on_loop
from tests.unit.gateway.bad_inputs import LEAD_ID, bulk, message, sync
from tests.unit.gateway.fakes import KNOWN_LEADS, SERVICE, FakeLeads, FakeRunner, World
from tests.unit.ledger.fakes import FakeEpoch, MemoryLedger, MemoryQueue

AWAY = StoreUnavailable("redis", "away")
FULL = QueueFull("redis", "maxmemory is reached")


class Client:
    """Posts jobs and reads answers; the app is called by ``call``."""

    def __init__(self, world: World, call: Callable[[Callable[[], Any]], Any] = lambda function: function()) -> None:
        self.world = world
        self._call = call

    def post(self, body: dict[str, Any], *, key: str | None = None) -> tuple[int, dict[str, Any]]:
        headers = {**SERVICE, **({"Idempotency-Key": key} if key else {})}
        answer = self._call(partial(self.world.client.post, "/api/bullmq/jobs", json=body, headers=headers))
        self.headers = answer.headers
        return answer.status_code, json.loads(answer.text)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(params=["in a thread", "on the loop"])
def client(world: World, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    if request.param == "in a thread":
        yield Client(world)
        return
    for stores in (MemoryLedger, MemoryQueue, FakeEpoch, FakeLeads, FakeRunner):
        for name, function in vars(stores).items():
            if not name.startswith("_") and callable(function):
                monkeypatch.setattr(stores, name, off_the_loop(function))
    with ThreadPoolExecutor(2) as threads:

        async def call(function: Callable[[], Any]) -> Any:
            return await run_on_loop(function, threads=threads)

        yield Client(world, lambda function: asyncio.run(call(function)))


def off_the_loop(function: Callable[..., Any]) -> Callable[..., Any]:
    """What a store does, refused to a request that would hold up the loop meanwhile."""

    @wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        assert not is_on_loop(), f"{function.__qualname__} blocks the loop"
        return function(*arguments, **named)

    return call


def many_leads(count: int = 11) -> dict[str, Any]:
    return bulk(leadIds=KNOWN_LEADS[:count])


def test_a_job_is_in_ledger_and_queue_when_it_is_answered(world: World, client: Client) -> None:
    assert client.post(many_leads()) == (202, {"jobId": "id0", "queue": "bulk-availability", "status": "waiting"})

    assert world.ledger.entries["id0"].status is LedgerStatus.ACCEPTED
    assert world.ledger.data["id0"]["leadIds"] == KNOWN_LEADS[:11]
    assert world.queues["bulk-availability"].jobs["id0"].in_ledger
    assert client.headers["Location"] == "/api/bullmq/jobs/id0"


def test_the_location_is_the_job_s_even_after_a_slash_too_many(world: World) -> None:
    answer = world.client.post("/api/bullmq/jobs/", json=many_leads(), headers=SERVICE)

    assert answer.headers["Location"] == "/api/bullmq/jobs/id0"


@pytest.mark.parametrize(
    ("options", "status"),
    [({}, "waiting"), ({"priority": 1}, "prioritized"), ({"delayMs": 5}, "delayed"), ({"maxAttempts": 2}, "waiting")],
)
def test_the_answer_says_where_the_job_is(client: Client, options: dict[str, int], status: str) -> None:
    assert client.post(sync() | {"options": options})[1]["status"] == status


def test_duplicates_are_removed_before_they_are_counted(world: World, client: Client) -> None:
    world.runner.result = {"total": 2}
    first, second = KNOWN_LEADS[10], KNOWN_LEADS[0]
    leads = [first, second, first.upper(), *[second] * 20]

    status, answer = client.post(bulk(leadIds=leads))

    assert (status, answer["status"]) == (200, "completed")
    assert world.runner.calls[0][2]["leadIds"] == [first, second]


def test_unknown_leads_among_known_ones_are_fine(client: Client) -> None:
    assert client.post(bulk(leadIds=[KNOWN_LEADS[0], *[f"{n:024x}" for n in range(100, 120)]]))[0] == 202


def test_ten_leads_are_answered_at_once(world: World, client: Client) -> None:
    world.runner.result = {"counts": {"available": 10}}

    assert client.post(many_leads(10)) == (
        200,
        {
            "jobId": "id0",
            "queue": "bulk-availability",
            "status": "completed",
            "result": {"counts": {"available": 10}},
        },
    )
    assert not world.enqueued
    assert world.runner.calls == [("bulk-availability-check", "id0", world.ledger.data["id0"])]
    assert world.ledger.entries["id0"].result == {"counts": {"available": 10}}


def test_eleven_leads_are_enqueued(world: World, client: Client) -> None:
    world.runner.result = {}

    assert client.post(many_leads(11))[0] == 202
    assert not world.runner.calls


def test_a_small_check_that_shall_run_later_is_enqueued(world: World, client: Client) -> None:
    world.runner.result = {}

    assert client.post(many_leads(2) | {"options": {"delayMs": 1_000}})[1]["status"] == "delayed"
    assert not world.runner.calls


def test_a_small_check_falls_to_the_queue_when_its_service_is_away(world: World, client: Client) -> None:
    assert client.post(many_leads(3)) == (202, {"jobId": "id0", "queue": "bulk-availability", "status": "waiting"})
    assert world.enqueued == ["id0"]
    assert world.ledger.entries["id0"].is_open


def test_a_small_check_is_answered_without_redis(world: World, client: Client) -> None:
    world.runner.result = {"total": 3}
    _break_redis(world, AWAY)

    assert client.post(many_leads(3))[0] == 200


def test_a_result_is_answered_even_if_the_ledger_is_lost_meanwhile(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose_ledger(*_: Any) -> Any:
        world.ledger.away = True
        return {"total": 3}

    monkeypatch.setattr(world.runner, "run", lose_ledger)

    assert client.post(many_leads(3))[0] == 200


def test_without_redis_a_job_is_accepted_into_the_ledger(world: World, client: Client) -> None:
    _break_redis(world, AWAY)

    assert client.post(many_leads()) == (202, {"jobId": "id0", "queue": "bulk-availability", "status": "accepted"})
    assert world.ledger.entries["id0"].is_open


def test_a_redis_lost_after_the_ledgers_write_does_no_harm(world: World, client: Client) -> None:
    world.queues["bulk-availability"].error = AWAY

    assert client.post(many_leads())[1]["status"] == "accepted"


@pytest.mark.parametrize("leads", [11, 3])
def test_a_fault_that_nobody_foresaw_does_not_turn_an_accepted_job_into_an_error(
    world: World, client: Client, leads: int
) -> None:
    """Eleven are enqueued; three would have run at once, and fall to the queue."""
    world.queues["bulk-availability"].error = ValueError("odd")

    with capture_logs() as told:
        assert client.post(many_leads(leads))[1]["status"] == "accepted"

    (left,) = (each for each in told if each["event"].endswith("left_to_reconciler"))
    assert (left["log_level"], left["exc_info"]) == ("error", True)


def test_without_mongodb_nothing_is_accepted(world: World, client: Client) -> None:
    world.ledger.away = True

    status, problem = client.post(sync())

    assert (status, problem["type"]) == (503, "urn:tuco-jobs:problem:mongodb-unavailable")
    assert int(client.headers["Retry-After"]) > 0
    assert not world.enqueued


def test_a_full_redis_refuses_before_the_ledger_is_written(world: World, client: Client) -> None:
    world.epoch.error = FULL

    status, problem = client.post(many_leads())

    assert (status, problem["type"]) == (503, "urn:tuco-jobs:problem:queue-full")
    assert int(client.headers["Retry-After"]) > 0
    assert not world.ledger.entries


def test_a_redis_that_fills_up_after_the_ledgers_write_still_owes_the_job(world: World, client: Client) -> None:
    world.queues["bulk-availability"].error = FULL

    assert client.post(many_leads()) == (202, {"jobId": "id0", "queue": "bulk-availability", "status": "accepted"})


def test_the_same_key_and_request_answer_the_same_job(world: World, client: Client) -> None:
    first = client.post(many_leads(), key="k")
    second = client.post(many_leads(), key="k")

    assert first == second
    assert world.enqueued == [first[1]["jobId"]]


def test_the_same_key_answers_the_result_once_it_is_there(world: World, client: Client) -> None:
    world.runner.result = {"total": 3}
    first = client.post(many_leads(3), key="k")
    world.runner.result = {"total": 99}

    assert client.post(many_leads(3), key="k") == first
    assert len(world.runner.calls) == 1


def test_the_same_key_answers_why_the_job_failed(world: World, client: Client) -> None:
    job_id = client.post(sync(), key="k")[1]["jobId"]
    _end(world, job_id, LedgerStatus.FAILED, error="401 from the CRM")

    status, answer = client.post(sync(), key="k")

    assert (status, answer["status"], answer["error"]) == (200, "failed", "401 from the CRM")


def test_the_same_key_for_another_request_is_refused(world: World, client: Client) -> None:
    client.post(sync(), key="k")

    status, problem = client.post(sync(mode="full"), key="k")

    assert (status, problem["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert len(world.ledger.entries) == 1


def test_a_key_still_answers_while_redis_is_full(world: World, client: Client) -> None:
    first = client.post(many_leads(), key="k")
    world.epoch.error = FULL

    assert client.post(many_leads(), key="k") == first
    assert client.post(many_leads(), key="another")[0] == 503
    assert client.post(many_leads(12), key="k")[1]["errors"][0]["field"] == "Idempotency-Key"


def test_a_key_still_answers_when_the_leads_are_gone(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.post(many_leads(), key="k")
    monkeypatch.setattr(FakeLeads, "has_any", lambda *_: False)

    assert client.post(many_leads(), key="k") == first
    assert client.post(many_leads(), key="another")[1]["errors"][0]["field"] == "data.leadIds"


def test_the_ledger_is_not_read_for_a_key_before_it_is_written(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.post(many_leads(), key="k")
    monkeypatch.setattr(world.ledger, "get", lambda _: pytest.fail("a round trip too many"))

    assert client.post(many_leads(), key="k") == first
    assert client.post(many_leads(), key="another")[0] == 202


def test_two_keys_are_two_jobs(client: Client) -> None:
    assert client.post(many_leads(), key="a")[1]["jobId"] != client.post(many_leads(), key="b")[1]["jobId"]


def test_a_second_sync_of_an_integration_meets_the_first(world: World, client: Client) -> None:
    first = client.post(sync())[1]
    world.queues["integration-sync"].show(first["jobId"], JobState.ACTIVE)

    assert client.post(sync(mode="full")) == (
        202,
        {"jobId": first["jobId"], "queue": "integration-sync", "status": "active"},
    )
    assert world.enqueued == [first["jobId"]]


def test_a_sync_that_ended_in_redis_only_does_not_hold_the_next_one_up(world: World, client: Client) -> None:
    first = client.post(sync())[1]["jobId"]
    world.queues["integration-sync"].show(first, JobState.COMPLETED, result={"created": 1})
    world.queues["integration-sync"].jobs.clear()

    second = client.post(sync())[1]["jobId"]

    assert second != first
    assert world.ledger.entries[first].result == {"created": 1}


def test_meeting_a_job_works_without_redis(world: World, client: Client) -> None:
    first = client.post(sync())[1]["jobId"]
    _break_redis(world, AWAY)

    assert client.post(sync())[1] == {"jobId": first, "queue": "integration-sync", "status": "accepted"}


def test_a_job_whose_key_a_derived_job_holds_waits_in_the_ledger(world: World, client: Client) -> None:
    queue = world.queues["message-processing"]
    queue.add([NewJob(job_id="derived", job_type="m", data={}, unique_key=f"message-processing:{LEAD_ID}")])

    status, answer = client.post(message())

    assert (status, answer["status"]) == (202, "accepted")
    assert world.ledger.entries[answer["jobId"]].is_open


def test_jobs_are_dated_by_the_clock(world: World, client: Client) -> None:
    world.clock.pass_by(timedelta(hours=1))
    client.post(sync())

    assert world.ledger.entries["id0"].created_at == world.clock.now()


def _break_redis(world: World, error: StoreUnavailable) -> None:
    world.epoch.error = error
    for queue in world.queues.values():
        queue.error = error


def _end(world: World, job_id: str, status: LedgerStatus, *, error: str) -> None:
    world.ledger.finish(Ending(job_id=job_id, status=status, finished_at=world.clock.now(), error=error))
