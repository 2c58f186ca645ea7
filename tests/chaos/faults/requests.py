"""Faults that come through the door: the same request a hundred times at once, requests that make no sense."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
from bson import ObjectId

from libs.common.broker.enqueue import job_from
from libs.common.broker.queue import JobQueue
from libs.common.ids import new_job_id
from libs.common.jobs.message_processing import MESSAGE_PROCESSING, MessageProcessing
from libs.common.jobs.states import JobState
from tests.chaos.fault import Fault, Run
from tests.chaos.owed import Kind
from tests.chaos.setup import WORKSPACE, Setup
from tests.chaos.work import Scale

_AT_ONCE = 100
_SHORT = Scale(jobs=2, leads_per_job=20, direct=20, scheduled=0, every_s=0.05, patience_s=60.0)
_INJURIES = 8
_OVERSIZED_BYTES = 17 * 1024 * 1024


def duplicate(run: Run) -> None:
    """Ask for one message a hundred times at once, half of the requests under one key, half without any."""
    message_id = run.producer.message(status="queued")
    body = {"jobType": "message-processing", "data": {"messageId": message_id, "workspaceId": WORKSPACE}}
    keyed = {"Idempotency-Key": f"again-{message_id}"}

    def ask(number: int) -> httpx.Response:
        return run.producer.client.post("/jobs", json=body, headers=keyed if number % 2 else {})

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(ask, range(_AT_ONCE)))
    run.world.note(f"{_AT_ONCE} requests at once")
    run.producer.accepted.promise(Kind.MESSAGE, [message_id], time.time())
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) <= {200, 202}, f"some were refused: {statuses}"


def _duplicated(run: Run) -> bool:
    return bool(run.world.injuries)


def nonsense(run: Run) -> None:
    """Send what cannot be read, what is too large and what has the wrong shape, and damage jobs inside Redis."""
    client, statuses = run.producer.client, Counter[int]()
    kind = {"Content-Type": "application/json"}
    bodies: list[bytes] = [
        b"\xff\xfe\x00",
        b"{",
        b"[" * 100_000,
        b'{"jobType": "message-processing", "data": {"messageId": 7}}',
        b'{"jobType": "no-such-type", "data": {}}',
        b'{"jobType": "message-processing", "data": {"messageId": "%s", "workspaceId": "w", "x": 1}}' % (b"a" * 24),
    ]
    for body in bodies:
        statuses[client.post("/jobs", content=body, headers=kind).status_code] += 1
        run.world.note("a request that makes no sense")
    try:
        statuses[client.post("/jobs", content=b" " * _OVERSIZED_BYTES, headers=kind).status_code] += 1
    except httpx.TransportError:
        statuses[413] += 1  # the gateway hangs up on a body that it will not read
    run.world.note("an oversized request")
    assert all(400 <= status < 500 for status in statuses), f"taken, or failed over: {statuses}"
    _damage(run)


def _damage(run: Run) -> None:
    """Let a job's record in Redis become garbage while its queue is paused."""
    queue = JobQueue(run.world.redis, MESSAGE_PROCESSING.queue)
    payload = MessageProcessing(message_id=str(ObjectId()), workspace_id=WORKSPACE)
    job = job_from(MESSAGE_PROCESSING, payload, job_id=new_job_id())
    queue.pause()
    queue.add([job])
    run.world.redis.hset(queue.keys["jobs"].decode(), job.job_id, b"\x00garbage")
    run.world.note("a damaged job in Redis")
    queue.resume()


def _refused(run: Run) -> bool:
    dead = JobQueue(run.world.redis, MESSAGE_PROCESSING.queue).stats().counts[JobState.FAILED]
    return len(run.world.injuries) == _INJURIES and dead >= 1


FAULTS = (
    Fault(
        number=15,
        name="undecodable and oversized payloads",
        injure=nonsense,
        evidence=_refused,
        scale=_SHORT,
    ),
    Fault(
        number=18,
        name="100 duplicate requests at once",
        injure=duplicate,
        evidence=_duplicated,
        setup=Setup(lean=True),
        scale=_SHORT,
        short=True,
    ),
)
