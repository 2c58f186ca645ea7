"""Workers as processes: killed, stopped, and asked over their own port."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database

from libs.common.settings import Settings
from libs.common.stores.collections import create_collections
from libs.common.stores.mongo import Document, connect_mongo
from libs.simulators.bluebubbles import BlueBubblesSimulator, running_bluebubbles
from tests.integration.availability.workshop import ENDPOINT, WORKSPACE, Workshop, new_settings
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]
CHUNK, CONCURRENCY = 50, 2


class Process:
    """A worker of the queue as its own process."""

    def __init__(self, settings: Settings, log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = log
        environment = {
            **os.environ,
            "REDIS_URL": settings.redis_url.reveal(),
            "MONGODB_URI": settings.mongodb_uri.reveal(),
            "CREDENTIALS_KEY": settings.credentials_key.reveal(),
            "SERVICE_TOKEN": settings.service_token.reveal(),
            "LEASE_MS": str(settings.lease_ms),
            "AVAILABILITY_CHUNK_SIZE": str(CHUNK),
            "AVAILABILITY_RATE_PER_LINE": "1000000",
            "WORKER_CONCURRENCY": str(CONCURRENCY),
            "INTERNAL_PORT": str(self.port),
            "LOG_FORMAT": "json",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "services.availability", "--queue", "bulk-availability"],
            cwd=ROOT,
            env=environment,
            stderr=log.open("w"),
        )
        wait_until(lambda: self.get("/readyz") == 200, deadline_s=30, message=f"the worker is ready, see {log}")

    def get(self, path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def run(self, data: dict[str, Any], *, token: str = "test-token") -> tuple[int, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/run",
            data=json.dumps({"jobType": "bulk-availability-check", "jobId": "run-1", "data": data}).encode(),
            headers={"Authorization": f"Bearer {token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


@pytest.fixture
def simulator() -> Iterator[BlueBubblesSimulator]:
    with running_bluebubbles(lines=4, latency_ms=20, seed=7) as simulator:
        yield simulator


@pytest.fixture
def database(mongo_uri: str) -> Iterator[Database[Document]]:
    database = connect_mongo(new_settings("redis://unused", mongo_uri), service="tests")
    create_collections(database)
    yield database
    database.client.close()


@pytest.fixture
def workshop(redis_url: str, mongo_uri: str, database: Database[Document]) -> Iterator[Workshop]:
    workshop = Workshop(new_settings(redis_url, mongo_uri), database)
    yield workshop
    workshop.close()


class Fleet:
    """The test's processes, ended with it."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self.processes: list[Process] = []

    def start(self) -> Process:
        process = Process(self._settings, self._folder / f"worker-{len(self.processes)}.log")
        self.processes.append(process)
        return process


@pytest.fixture
def fleet(workshop: Workshop, tmp_path: Path) -> Iterator[Fleet]:
    fleet = Fleet(workshop.settings, tmp_path)
    yield fleet
    for process in fleet.processes:
        process.kill()


def wait_for_calls(simulator: BlueBubblesSimulator, number: int) -> None:
    wait_until(lambda: simulator.calls.total(endpoint=ENDPOINT) > number, message="the run is on")


def test_a_killed_worker_costs_no_answer_and_repeats_at_most_the_chunks_in_hand(
    workshop: Workshop, simulator: BlueBubblesSimulator, fleet: Fleet
) -> None:
    workshop.add_lines(simulator)
    lead_ids = workshop.add_leads([(f"+1646{2000000 + n}", f"p{n}@example.com") for n in range(3_000)])
    victim, _ = fleet.start(), fleet.start()
    run_id = workshop.accept(lead_ids)
    kills = 0
    for asked in (600, 1_800):
        wait_for_calls(simulator, asked)
        victim.kill()
        kills += 1
        victim = fleet.start()
    view = workshop.finish(run_id, deadline_s=60)
    assert view.result["checked"] == view.result["total"] == 3_000
    assert view.result["unknown"] == 0
    assert workshop.database.leads.count_documents({"availability.runId": run_id}) == 3_000
    repeated = simulator.calls.repeated(ENDPOINT)
    assert len(repeated) <= kills * CONCURRENCY * CHUNK * 2
    assert max(repeated.values(), default=0) <= 1 + kills
    assert workshop.queue.stats().counts["failed"] == 0


def test_a_stopped_worker_ends_in_order_and_leaves_its_work_to_others(
    workshop: Workshop, simulator: BlueBubblesSimulator, fleet: Fleet
) -> None:
    workshop.add_lines(simulator)
    lead_ids = workshop.add_leads([(f"+1646{2000000 + n}", None) for n in range(2_000)])
    first, _ = fleet.start(), fleet.start()
    run_id = workshop.accept(lead_ids)
    wait_for_calls(simulator, 300)
    assert first.stop() == 0
    assert workshop.finish(run_id, deadline_s=60).result["checked"] == 2_000
    assert simulator.calls.repeated(ENDPOINT) == {}


def test_a_few_leads_are_checked_over_the_workers_own_port(
    workshop: Workshop, simulator: BlueBubblesSimulator, fleet: Fleet
) -> None:
    workshop.add_lines(simulator)
    simulator.set_availability("+12125550123", True)
    (lead_id,) = workshop.add_leads([("212 555 0123", None)])
    worker = fleet.start()
    data = {"leadIds": [lead_id], "userId": "user-1", "workspaceId": WORKSPACE}
    status, answer = worker.run(data)
    assert (status, answer["result"]["available"]) == (200, 1)
    assert answer["result"]["leads"][0]["handle"] == "+12125550123"
    assert worker.run(data, token="wrong")[0] == 401
    status, problem = worker.run({**data, "leadIds": [str(ObjectId()) for _ in range(11)]})
    assert status == 422
    assert "data.leadIds" in problem["detail"]
    assert worker.run({**data, "leadIds": ["nonsense"]})[0] == 422
    assert simulator.lines[0].password not in worker.log.read_text()
    assert worker.stop() == 0


def test_a_worker_without_its_settings_names_them(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "services.availability"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 2
    assert all(name in ended.stderr for name in ("REDIS_URL", "MONGODB_URI", "CREDENTIALS_KEY"))
    assert "Traceback" not in ended.stderr
