"""What the worker does with jobs, on a real Redis."""

import asyncio
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dramatiq
import pytest
import redis

from libs.common.broker.actors import JobContext, WaitForChildren
from libs.common.broker.broker import TucoBroker, default_middleware, with_dramatiq_worker
from libs.common.broker.enqueue import job_from
from libs.common.errors import NotNow, Permanent, Retryable, StoreUnavailable
from libs.common.ids import new_job_id
from libs.common.ledger.model import Ending
from libs.common.worker.worker import Worker
from tests.integration.worker.conftest import Note, Shop
from tests.waiting import wait_until


def test_what_an_actor_returns_is_the_jobs_result(shop: Shop) -> None:
    def shout(note: Note, _job: JobContext) -> dict[str, str]:
        return {"said": note.text.upper()}

    contract = shop.actor(shout)
    shop.work()
    assert shop.wait_for(shop.add(contract, text="hello"), "completed").result == {"said": "HELLO"}


def test_a_failing_job_is_retried_and_its_attempts_are_told(shop: Shop) -> None:
    async def fail_twice(_note: Note, job: JobContext) -> int:
        if job.attempt < 3:
            raise Retryable(f"no answer {job.attempt}")
        return job.attempt

    contract = shop.actor(fail_twice)
    shop.work()
    view = shop.wait_for(shop.add(contract), "completed")
    assert view.result == 3
    assert [(a.number, a.outcome, a.worker) for a in view.attempts] == [(1, "failed", "first"), (2, "failed", "first")]
    assert "no answer 2" in view.attempts[1].error


def test_a_job_that_fails_as_often_as_it_may_is_a_dead_letter(shop: Shop) -> None:
    def fail(_note: Note, _job: JobContext) -> None:
        raise ValueError("broken")

    contract = shop.actor(fail, max_attempts=3)
    shop.work()
    view = shop.wait_for(shop.add(contract), "failed")
    assert (view.attempts_made, view.reason) == (3, "ValueError: broken")


def test_an_error_that_cannot_heal_is_not_retried(shop: Shop) -> None:
    async def refuse(_note: Note, _job: JobContext) -> None:
        raise Permanent("no such number")

    contract = shop.actor(refuse)
    shop.work()
    assert shop.wait_for(shop.add(contract), "failed").attempts_made == 1


def test_retry_after_is_honoured(shop: Shop) -> None:
    async def busy(_note: Note, _job: JobContext) -> None:
        raise Retryable("429", after=timedelta(hours=1))

    contract = shop.actor(busy)
    shop.work()
    view = shop.wait_for(shop.add(contract), "delayed")
    assert view.not_before is not None
    assert view.not_before - datetime.now(UTC) > timedelta(minutes=59)


def test_not_now_moves_the_job_and_counts_no_attempt(shop: Shop) -> None:
    until = datetime.now(UTC) + timedelta(hours=8)

    async def quiet(_note: Note, _job: JobContext) -> None:
        raise NotNow(until, "quiet hours")

    contract = shop.actor(quiet)
    shop.work()
    view = shop.wait_for(shop.add(contract), "delayed")
    assert (view.reason, view.attempts_made) == ("quiet hours", 0)
    assert view.not_before is not None
    assert abs(view.not_before - until) < timedelta(milliseconds=2)


@pytest.mark.alone
def test_a_delayed_job_starts_at_its_time_and_not_with_the_next_poll(shop: Shop) -> None:
    started: list[float] = []

    def note_time(_note: Note, _job: JobContext) -> None:
        started.append(time.time())

    contract = shop.actor(note_time)
    shop.work()
    late = []
    for _ in range(5):
        due = time.time() + 0.2
        shop.wait_for(shop.add(contract, delay_ms=200), "completed")
        late.append(started.pop() - due)
    assert min(late) > -0.01
    assert sorted(late)[2] < 0.1


def test_the_time_limit_interrupts_a_coroutine_and_a_function(shop: Shop) -> None:
    async def sleep(_note: Note, _job: JobContext) -> None:
        await asyncio.sleep(60)

    def spin(_note: Note, _job: JobContext) -> None:
        while True:
            time.sleep(0.01)

    limits: dict[str, Any] = {"time_limit": timedelta(milliseconds=200), "max_attempts": 1}
    slow = shop.actor(sleep, name="sleep", **limits)
    endless = shop.actor(spin, name="spin", **limits)
    shop.work()
    ids = [shop.add(slow), shop.add(endless)]
    reasons = [shop.wait_for(job_id, "failed").reason or "" for job_id in ids]
    assert "time limit" in reasons[0]
    assert "TimeLimitExceeded" in reasons[1]


def test_a_cancelled_coroutine_is_interrupted_at_its_next_await(shop: Shop) -> None:
    cleaned_up = threading.Event()

    async def wait(_note: Note, _job: JobContext) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cleaned_up.set()

    contract = shop.actor(wait)
    shop.work()
    job_id = shop.add(contract)
    shop.wait_for(job_id, "active")
    assert shop.broker.queue("notes").cancel(job_id) == "asked"
    wait_until(lambda: shop.view(job_id) is None, deadline_s=3, message="the cancelled job is still there")
    assert cleaned_up.is_set()


def test_a_coroutine_that_is_stopped_before_its_first_step_has_an_end(shop: Shop) -> None:
    async def wait(_note: Note, _job: JobContext) -> None:
        await asyncio.sleep(60)

    contract = shop.actor(wait)
    worker = shop.work(concurrency=1)
    for _ in range(2):
        held_up = threading.Event()
        worker.loop.call_soon_threadsafe(held_up.wait)
        job_id = shop.add(contract)
        wait_until(lambda: worker.held == 1, message="the worker has the job")
        shop.broker.queue("notes").cancel(job_id)
        wait_until(lambda: _cancel_was_passed_on(worker), message="the worker was told to stop it")
        held_up.set()
        wait_until(lambda: worker.held == 0, message="the job has ended, and there is room again")


def _cancel_was_passed_on(worker: Worker) -> bool:
    (runner,) = worker._runners
    return all(job.cancel_requested for job in runner._keeper.held())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_whose_listener_has_died_does_not_live(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    contract = shop.actor(lambda _note, _job: None)
    worker = shop.work()
    shop.wait_for(shop.add(contract), "completed")
    assert worker.alive

    def break_down() -> None:
        raise RuntimeError("a bug")

    (runner,) = worker._runners
    monkeypatch.setattr(runner._listener, "_tell", break_down)

    def no_longer_lives() -> bool:
        # The runner may take a job before its listener is woken.
        shop.add(contract)
        return not worker.alive

    wait_until(no_longer_lives, message="it is seen that the listener is dead")


def test_a_worker_without_room_leaves_the_job_it_was_woken_for_to_others(shop: Shop) -> None:
    contract = shop.actor(lambda _note, _job: None)
    queue = shop.broker.queue("notes")
    queue.add([job_from(contract, Note(), job_id=new_job_id())])
    assert queue.scripts.take_marker(wait_s=1)

    queue.scripts.run("fetch", 0, "full", 1_000, 1)

    assert queue.scripts.take_marker(wait_s=1)


def test_a_function_can_ask_whether_it_was_cancelled(shop: Shop) -> None:
    asked_in_time = threading.Event()

    def wait(_note: Note, job: JobContext) -> None:
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and not job.cancelled():
            time.sleep(0.005)
        if job.cancelled():
            asked_in_time.set()

    contract = shop.actor(wait)
    shop.work()
    job_id = shop.add(contract)
    shop.wait_for(job_id, "active")
    shop.broker.queue("notes").cancel(job_id)
    wait_until(asked_in_time.is_set, deadline_s=3, message="the function did not learn that it was cancelled")


def test_jobs_behind_a_slow_one_are_handed_back_to_others(shop: Shop) -> None:
    release = threading.Event()
    ran_by: dict[str, str] = {}

    def on(worker: str) -> Any:
        def run(note: Note, _job: JobContext) -> None:
            ran_by[note.text] = worker
            if note.text == "slow" and worker == "first":
                release.wait(10)

        return run

    contract = shop.actor(on("first"))
    other = shop.another_broker("second")
    shop.actor(on("second"), broker=other)
    first = shop.work(threads=1)
    # Short jobs teach the first worker to take many at once; then a slow one blocks its only thread.
    for number in range(300):
        shop.add(contract, text=f"short-{number}")
    wait_until(lambda: len(ran_by) == 300, deadline_s=10, message="the short jobs did not run")
    shop.add(contract, text="slow")
    wait_until(lambda: "slow" in ran_by, deadline_s=5, message="the slow job did not start")
    ids = [shop.add(contract, text=f"behind-{number}") for number in range(20)]
    shop.work(other, threads=1)
    for job_id in ids:
        shop.wait_for(job_id, "completed")
    assert {ran_by[f"behind-{number}"] for number in range(20)} == {"second"}
    assert first.held == 1
    release.set()


def test_stopping_lets_jobs_finish_that_fit_the_grace_and_hands_back_the_rest_at_once(shop: Shop) -> None:
    async def work(note: Note, _job: JobContext) -> str:
        await asyncio.sleep(float(note.text))
        return "done"

    contract = shop.actor(work)
    worker = shop.work()
    long, short = shop.add(contract, text="60"), shop.add(contract, text="0.5")
    shop.wait_for(long, "active")
    wait_until(lambda: worker.held >= 1 and shop.broker.queue("notes").stats().counts["waiting"] == 0, message="begun")
    worker.stop(grace=timedelta(seconds=3))
    shop.workers.remove(worker)
    finished, returned = shop.view(short), shop.view(long)
    assert finished is not None
    assert finished.state == "completed"
    assert returned is not None
    assert (returned.state, returned.attempts_made) == ("waiting", 0)


def test_a_worker_whose_lease_was_taken_stops_its_job_and_its_outcome_does_not_count(shop: Shop) -> None:
    stopped = threading.Event()

    async def wait(_note: Note, _job: JobContext) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            stopped.set()
            raise

    contract = shop.actor(wait)
    shop.work()
    job_id = shop.add(contract)
    shop.wait_for(job_id, "active")
    queue = shop.broker.queue("notes")
    queue.pause()
    shop.client.zadd(queue.keys["active"].decode(), {job_id: 1}, xx=True)
    queue.scripts.run("fetch", 0, "another", 1_000, 1)
    wait_until(stopped.is_set, deadline_s=3, message="the job ran on without its lease")
    view = shop.view(job_id)
    assert view is not None
    assert view.state == "paused"


def test_a_parent_runs_again_when_its_children_have_ended(shop: Shop) -> None:
    async def child(note: Note, job: JobContext) -> None:
        job.count({"done": 1}, on_parent=True)
        if note.text == "bad":
            raise Permanent("bad child")

    child_contract = shop.actor(child, name="child")

    async def parent(_note: Note, job: JobContext) -> dict[str, int]:
        if job.children:
            return {"completed": job.children.completed, "failed": job.children.failed}
        await job.set_progress({"total": 3, "done": 0})
        texts = ["good", "bad", "good"]
        await job.add_children([job_from(child_contract, Note(text=t), job_id=new_job_id()) for t in texts])
        raise WaitForChildren

    contract = shop.actor(parent, name="parent")
    shop.work()
    view = shop.wait_for(shop.add(contract), "completed")
    assert view.result == {"completed": 2, "failed": 1}
    assert view.progress == {"total": 3, "done": 2}


class FlakyRecorder:
    """A ledger that is away until it is let back."""

    def __init__(self) -> None:
        self.away = True
        self.endings: list[Ending] = []

    def finish_many(self, endings: Sequence[Ending]) -> int:
        if self.away:
            raise StoreUnavailable("mongodb", "no primary")
        self.endings += endings
        return len(endings)


def test_a_job_is_not_acknowledged_before_the_ledger_knows_its_end(redis_client: "redis.Redis") -> None:
    recorder = FlakyRecorder()
    shop = Shop(redis_client, recorder=recorder)
    runs: list[str] = []

    def work(_note: Note, job: JobContext) -> None:
        runs.append(job.job_id)

    contract = shop.actor(work)
    shop.work()
    try:
        job_id = shop.add(contract, in_ledger=True)
        wait_until(lambda: runs == [job_id], deadline_s=3, message="the job did not run")
        # Longer than a lease: it is renewed while the ledger is away, so the job does not run twice.
        time.sleep(1.5)
        view = shop.view(job_id)
        assert view is not None
        assert view.state == "active"
        recorder.away = False
        shop.wait_for(job_id, "completed")
        assert [ending.job_id for ending in recorder.endings] == [job_id]
        assert runs == [job_id]
    finally:
        shop.close()


def test_a_job_for_an_actor_that_nobody_has_is_a_dead_letter_that_says_so(shop: Shop) -> None:
    def work(_note: Note, _job: JobContext) -> None:
        """Nothing to do."""

    contract = shop.actor(work)
    shop.work()
    message: dramatiq.Message[Any] = dramatiq.Message("notes", "nobody", (), {}, {})
    shop.broker.enqueue(message)
    assert "nobody" in (shop.wait_for(message.message_id, "failed").reason or "")
    assert contract.queue == "notes"


@pytest.mark.parametrize("kind", ["function", "coroutine"])
def test_dramatiqs_own_worker_runs_the_same_actors(redis_client: "redis.Redis", kind: str) -> None:
    broker = TucoBroker(
        redis_client, worker="stock", lease_ms=1_000, middleware=with_dramatiq_worker(default_middleware())
    )
    shop = Shop(redis_client)
    shop.broker = broker

    def function(note: Note, job: JobContext) -> str:
        if job.attempt == 1:
            raise Retryable("once more")
        return note.text

    async def coroutine(note: Note, job: JobContext) -> str:
        return function(note, job)

    contract = shop.actor(function if kind == "function" else coroutine)
    broker.emit_after("process_boot")
    worker = dramatiq.Worker(broker, worker_timeout=100, worker_threads=2)
    worker.start()
    try:
        view = shop.wait_for(shop.add(contract, text="hi"), "completed")
        assert (view.result, view.attempts_made) == ("hi", 1)
        slow = shop.add(contract, text="later", delay_ms=300)
        assert shop.wait_for(slow, "completed").result == "later"
    finally:
        worker.stop()


def test_plain_dramatiq_actors_run_on_our_worker(shop: Shop) -> None:
    seen: list[int] = []

    @dramatiq.actor(broker=shop.broker, queue_name="plain")
    def add(a: int, b: int) -> None:
        seen.append(a + b)

    @dramatiq.actor(broker=shop.broker, queue_name="plain-async")
    async def add_soon(a: int, b: int) -> None:
        await asyncio.sleep(0)
        seen.append(a + b)

    shop.work()
    add.send(1, b=2)
    add_soon.send(3, 4)
    wait_until(lambda: sorted(seen) == [3, 7], deadline_s=3, message="plain actors did not run")
