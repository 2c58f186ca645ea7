"""A worker in this process, on the session's Redis, with actors that tests declare."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis

from libs.common.broker.actors import JobContext, job_actor
from libs.common.broker.broker import TucoBroker
from libs.common.broker.enqueue import job_from
from libs.common.broker.model import JobOptions, JobView
from libs.common.broker.settlement import EndingRecorder
from libs.common.ids import new_job_id
from libs.common.jobs.contract import Backoff, JobContract, Origin, Payload
from libs.common.worker.worker import Worker
from tests.waiting import wait_until


class Note(Payload, frozen=True, kw_only=True):
    text: str = ""


class Shop:
    """A broker, its actors, and workers that are stopped when the test ends."""

    def __init__(self, client: "redis.Redis", *, lease_ms: int = 1_000, recorder: EndingRecorder | None = None) -> None:
        self.client = client
        self.lease_ms = lease_ms
        self.recorder = recorder
        self.broker = self.another_broker("first")
        self.workers: list[Worker] = []

    def another_broker(self, name: str) -> TucoBroker:
        return TucoBroker(self.client, worker=name, lease_ms=self.lease_ms, recorder=self.recorder)

    def actor(
        self,
        function: Callable[[Note, JobContext], Any],
        *,
        name: str = "note",
        broker: TucoBroker | None = None,
        **contract: Any,
    ) -> JobContract[Note]:
        """Declares an actor on the queue ``notes``."""
        given: dict[str, Any] = {
            "queue": "notes",
            "backoff": Backoff(timedelta(milliseconds=1), timedelta(milliseconds=5)),
        }
        made = JobContract(job_type=name, payload=Note, origin=Origin.REST, **(given | contract))
        job_actor(made, broker=broker or self.broker)(function)
        return made

    def work(self, broker: TucoBroker | None = None, *, concurrency: int = 4, threads: int = 2) -> Worker:
        worker = Worker(broker or self.broker, concurrency=concurrency, threads=threads)
        worker.start()
        self.workers.append(worker)
        return worker

    def add(self, contract: JobContract[Note], *, text: str = "", in_ledger: bool = False, **options: Any) -> str:
        job_id = new_job_id()
        job = job_from(contract, Note(text=text), job_id=job_id, options=JobOptions(**options), in_ledger=in_ledger)
        self.broker.queue(contract.queue).add([job])
        return job_id

    def view(self, job_id: str, queue: str = "notes") -> JobView | None:
        return self.broker.queue(queue).get(job_id)

    def wait_for(self, job_id: str, state: str, *, deadline_s: float = 5.0) -> JobView:
        def reached() -> bool:
            view = self.view(job_id)
            return view is not None and view.state == state

        wait_until(reached, deadline_s=deadline_s, message=f"the job is not {state}")
        view = self.view(job_id)
        assert view is not None
        return view

    def close(self) -> None:
        for worker in self.workers:
            worker.stop(grace=timedelta(seconds=0))


@pytest.fixture
def shop(redis_client: "redis.Redis") -> Iterator[Shop]:
    opened = Shop(redis_client)
    yield opened
    opened.close()
