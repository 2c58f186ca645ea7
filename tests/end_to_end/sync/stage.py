"""Workers that can be killed, and the integration that they sync."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import redis
from pymongo.database import Database

from libs.common.broker.enqueue import job_from
from libs.common.broker.model import JobView
from libs.common.broker.queue import JobQueue
from libs.common.clock import SystemClock
from libs.common.credentials import CredentialsVault, new_credentials_key
from libs.common.ids import new_job_id
from libs.common.integrations.model import IntegrationSettings, Provider
from libs.common.jobs.integration_sync import INTEGRATION_SYNC, IntegrationSync, SyncMode
from libs.common.jobs.states import JobState
from libs.common.settings import Secret
from libs.common.stores.collections import create_collections
from libs.common.stores.integrations import IntegrationStore, NewIntegration
from libs.common.stores.mongo import Document
from libs.common.stores.sync_runs import SyncRunStore
from libs.simulators.hubspot import HubSpotSimulator
from services.sync.engine.transactions import end_session
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]
WORKSPACE = "workspace-1"
LEASE_MS = 1_000


class Stage:
    """A queue, its workers and what they write."""

    def __init__(self, database: Database[Document], *, redis_url: str, mongo_uri: str, folder: Path) -> None:
        create_collections(database)
        self.database = database
        self.runs = SyncRunStore(database)
        self._key = new_credentials_key()
        self._folder = folder
        self._environ = {
            **os.environ,
            "REDIS_URL": redis_url,
            "MONGODB_URI": mongo_uri,
            "CREDENTIALS_KEY": self._key,
            "LEASE_MS": str(LEASE_MS),
            "LOG_FORMAT": "json",
        }
        self.queue = JobQueue(redis.Redis.from_url(redis_url), INTEGRATION_SYNC.queue)
        self._workers: list[subprocess.Popen[bytes]] = []

    def environ_of_gateway(self) -> dict[str, str]:
        """What a gateway and the command line are told of the stores."""
        return {name: self._environ[name] for name in ("REDIS_URL", "MONGODB_URI", "CREDENTIALS_KEY")}

    def integrate(self, simulator: HubSpotSimulator) -> str:
        store = IntegrationStore(self.database, CredentialsVault(Secret(self._key)))
        return store.add(
            NewIntegration(
                workspace_id=WORKSPACE,
                provider=Provider.HUBSPOT,
                credentials={
                    "clientId": simulator.client_id,
                    "clientSecret": simulator.client_secret,
                    "refreshToken": simulator.refresh_token,
                },
                settings=IntegrationSettings(base_url=simulator.url, calls_per_second=0),
            ),
            at=SystemClock().now(),
        )

    def start_worker(self) -> "subprocess.Popen[bytes]":
        log = (self._folder / f"worker-{len(self._workers)}.log").open("wb")
        worker = subprocess.Popen([sys.executable, "-m", "services.sync"], cwd=ROOT, env=self._environ, stderr=log)
        self._workers.append(worker)
        return worker

    def stop_all(self) -> None:
        for worker in self._workers:
            worker.kill()
            worker.wait()
        # What they had locked would hold up the end of the test.
        for run in self.database["syncRuns"].find({"session": {"$exists": True}}):
            end_session(self.database, run["session"])

    def add_job(self, integration_id: str, mode: SyncMode = SyncMode.FULL) -> str:
        payload = IntegrationSync(integration_id=integration_id, workspace_id=WORKSPACE, mode=mode)
        (added,) = self.queue.add([job_from(INTEGRATION_SYNC, payload, job_id=new_job_id())])
        return added.job_id

    def view(self, job_id: str) -> JobView:
        view = self.queue.get(job_id)
        assert view is not None
        return view

    def completed(self, job_id: str) -> bool:
        """Whether the job is done; one that lost a worker too often is put back, as a person would."""
        view = self.view(job_id)
        if view.state is JobState.FAILED and view.reason and "stalled" in view.reason:
            self.queue.retry(job_id)
        return view.state is JobState.COMPLETED

    def kill_at_random(self, job_id: str, *, kills: int, chance: random.Random) -> int:
        """Kills workers with SIGKILL at random moments of the run until it is done; answers how often."""
        killed = 0
        worker = self.start_worker()
        while not self.completed(job_id):
            if killed == kills:
                time.sleep(0.05)
                continue
            self._wait_for_another_page(job_id)
            time.sleep(chance.random() * 0.1)
            worker.send_signal(signal.SIGKILL)
            worker.wait()
            killed += 1
            worker = self.start_worker()
        return killed

    def _wait_for_another_page(self, job_id: str) -> None:
        pages = self._pages(job_id)
        wait_until(
            lambda: self._pages(job_id) > pages or self.completed(job_id),
            deadline_s=60,
            message=f"the run goes on; the job: {self.view(job_id)}; logs: {self._folder}",
        )

    def _pages(self, job_id: str) -> int:
        run = self.runs.of_job(job_id)
        return run.checkpoint.pages if run else 0
