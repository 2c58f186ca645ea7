"""A campaign under fire: real servers, worker processes that are killed, and a count of what really went out."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from bson import ObjectId

from libs.common.broker.connection import connect_redis
from libs.common.broker.queue import JobQueue
from libs.common.clock import SystemClock
from libs.common.credentials import CredentialsVault, new_credentials_key
from libs.common.errors import StoreUnavailable
from libs.common.settings import Secret, Settings
from libs.common.stores.collections import LINES, MESSAGES, create_collections
from libs.common.stores.due_messages import DueMessageStore
from libs.common.stores.lines import line_record
from libs.common.stores.mongo import connect_mongo
from libs.embedded import MongoServer, RedisServer
from libs.embedded.ports import choose
from libs.simulators.bluebubbles import BlueBubblesSimulator, running_bluebubbles
from services.messaging.due import DueMessages
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]
QUEUE = "message-processing"
SETTLED = ("sent", "delivered", "failed", "uncertain", "cancelled")
GRACE = timedelta(seconds=3)
TOKEN = "token-for-tests"


@dataclass
class Worker:
    """A worker process that is started again when it has died."""

    number: int
    process: "subprocess.Popen[bytes]"
    port: int
    deaths: int = 0


@dataclass(frozen=True, kw_only=True)
class Count:
    """What became of the messages, counted at the simulator and in MongoDB."""

    messages: int
    delivered_once: int
    delivered_twice: int
    lost: int
    uncertain: int
    statuses: dict[str, int] = field(default_factory=dict)
    most_per_minute: int = 0


class Campaign:
    """A campaign; use it as a context manager.

    Args:
        folder: for orders and logs.
        messages: how many.
        lines: over how many lines.
        workers: how many worker processes.
        settings: environment variables of the workers, beside those of the campaign.
    """

    def __init__(
        self, folder: Path, *, messages: int, lines: int = 6, workers: int = 2, settings: dict[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.orders = folder / "orders"
        self.orders.mkdir()
        self.messages = messages
        self.lines = lines
        self.workers: list[Worker] = []
        self._worker_count = workers
        self._given = settings or {}
        self._key = new_credentials_key()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._next_order = 0
        self.direct_runs: Counter[str] = Counter()
        """How runs of messages past the queue were answered, and how often."""
        self.redis = RedisServer()
        self.mongo = MongoServer()

    def __enter__(self) -> "Campaign":
        self.redis.start()
        self.mongo.start()
        self._simulation = running_bluebubbles(lines=self.lines, available_ratio=1.0)
        self.simulator: BlueBubblesSimulator = self._simulation.__enter__()
        self.settings = Settings(
            redis_url=Secret(self.redis.url), mongodb_uri=Secret(self.mongo.uri), credentials_key=Secret(self._key)
        )
        self.database = connect_mongo(self.settings, service="campaign")
        create_collections(self.database)
        self.line_ids = [self._add_line(number) for number in range(1, self.lines + 1)]
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=30)
        for worker in self.workers:
            with suppress(ProcessLookupError):
                worker.process.send_signal(signal.SIGCONT)
                worker.process.kill()
            worker.process.wait()
        self._simulation.__exit__(None, None, None)
        self.database.client.close()
        self.mongo.stop()
        self.redis.stop()

    def insert(self, **fields: Any) -> None:
        """Writes the messages, due now; each to a recipient of its own, every tenth in a conversation of two."""
        now = datetime.now(UTC)
        documents = [
            {
                "_id": ObjectId(),
                "workspaceId": "w1",
                "to": recipient(n - n % 10 if n % 10 == 1 else n),
                "text": f"Hello, this is message {n}",
                "status": "scheduled",
                "scheduledAt": now,
                "createdAt": now,
                "updatedAt": now,
                **fields,
            }
            for n in range(self.messages)
        ]
        self.database[MESSAGES].insert_many(documents)

    def start_workers(self) -> None:
        """Starts the workers, and a watch that starts again whatever dies."""
        for number in range(self._worker_count):
            port = choose(lambda _port: True)
            self.workers.append(Worker(number, self._spawn(number, port), port))
        self._start(self._keep_alive, every_s=0.1)

    def start_ticks(self, schedulers: int = 2) -> None:
        """Lets several schedulers look for what is due, all at once and again and again."""
        for number in range(schedulers):
            queue = JobQueue(connect_redis(self.settings), QUEUE)
            due = DueMessages(DueMessageStore(self.database), queue, clock=SystemClock(), batch=200, grace=GRACE)
            tick = [0]

            def run(due: DueMessages = due, number: int = number, tick: list[int] = tick) -> None:
                tick[0] += 1
                with suppress(StoreUnavailable):
                    due.run_once(f"{number}-{tick[0]}")

            self._start(run, every_s=0.5)

    def start_direct_runs(self, pause_s: float) -> None:
        """Lets the fallback send messages at once, in a race with their jobs."""
        client = httpx.Client(timeout=10, trust_env=False)

        def run() -> None:
            with suppress(Exception):
                unsettled = {"status": {"$in": ["scheduled", "queued", "sending"]}}
                (message,) = self.database[MESSAGES].aggregate([{"$match": unsettled}, {"$sample": {"size": 1}}])
                for worker in self.workers[:1]:
                    data = {"messageId": str(message["_id"]), "workspaceId": "w1"}
                    body = {"jobType": QUEUE, "jobId": f"direct-{message['_id']}", "data": data}
                    answer = client.post(
                        f"http://127.0.0.1:{worker.port}/run", json=body, headers={"Authorization": f"Bearer {TOKEN}"}
                    )
                    self.direct_runs[_in_a_word(answer)] += 1

        self._start(run, every_s=pause_s)

    def order(self, point: str, word: str, times: int = 1) -> None:
        """Orders a worker to die or stand still at a point."""
        for _ in range(times):
            self._next_order += 1
            (self.orders / f"{point}.{word}.{self._next_order}").touch()

    def obeyed(self) -> Counter[str]:
        """Which orders were obeyed, and how often."""
        return Counter(".".join(path.name.split(".")[1:3]) for path in self.orders.glob("taken.*"))

    def wake_the_stopped(self, after_s: float) -> None:
        """From now on, lets every worker that stands still go on after a while."""
        seen: dict[str, float] = {}

        def wake() -> None:
            for path in self.orders.glob("taken.*.stop.*"):
                seen.setdefault(path.name, time.monotonic())
                if seen[path.name] and time.monotonic() - seen[path.name] > after_s:
                    seen[path.name] = 0.0
                    with suppress(ProcessLookupError):
                        os.kill(int(path.name.rsplit(".", 1)[1]), signal.SIGCONT)

        self._start(wake, every_s=0.1)

    def flush_redis(self) -> None:
        """Lets Redis forget everything."""
        connect_redis(self.settings).flushall()

    def settled(self) -> int:
        """How many messages have come to an end."""
        return self.database[MESSAGES].count_documents({"status": {"$in": list(SETTLED)}})

    def wait_until_settled(self, deadline_s: float) -> None:
        """Waits until every message has come to an end."""

        def all_settled() -> bool:
            with suppress(Exception):
                return self.settled() == self.messages
            return False

        try:
            wait_until(all_settled, deadline_s=deadline_s, interval_s=0.25, message="every message has come to an end")
        except AssertionError as error:
            left = self.database[MESSAGES].find({"status": {"$nin": list(SETTLED)}}).limit(5)
            raise AssertionError(f"{error}; {self.count()}; orders {self.obeyed()}; left {list(left)}") from error

    def count(self) -> Count:
        """Counts what became of the messages."""
        per_reference = Counter(delivery.reference for delivery in self.simulator.state.deliveries.select())
        found = list(self.database[MESSAGES].find({}, {"status": 1}))
        times = {str(m["_id"]): per_reference.get(f"tuco-{m['_id']}", 0) for m in found}
        gone = {str(m["_id"]) for m in found if m["status"] in ("sent", "delivered")}
        uncertain = {str(m["_id"]) for m in found if m["status"] == "uncertain"}
        return Count(
            messages=len(found),
            delivered_once=sum(n == 1 for n in times.values()),
            delivered_twice=sum(n > 1 for n in times.values()),
            lost=sum(times[message_id] == 0 for message_id in times if message_id not in uncertain),
            uncertain=len(uncertain),
            statuses=dict(Counter(m["status"] for m in found)) | {"claimed sent": len(gone)},
            most_per_minute=self._most_per_minute(),
        )

    def deaths(self) -> int:
        """How often workers died."""
        return sum(worker.deaths for worker in self.workers)

    def _most_per_minute(self) -> int:
        most = 0
        for number in range(1, self.lines + 1):
            moments = sorted(d.at for d in self.simulator.state.deliveries.select(target=f"line-{number}"))
            first = 0
            for last, moment in enumerate(moments):
                while moment - moments[first] >= 60:
                    first += 1
                most = max(most, last - first + 1)
        return most

    def _add_line(self, number: int) -> str:
        line, line_id = self.simulator.line(number), ObjectId()
        vault = CredentialsVault(Secret(self._key))
        self.database[LINES].insert_one(
            {
                "_id": line_id,
                "workspaceId": "w1",
                "name": line.name,
                "address": f"+1212555090{number}",
                "provider": "bluebubbles",
                "serverUrl": line.server_url,
                "credentials": vault.seal({"password": line.password}, record=line_record(str(line_id))),
                "status": "active",
                "limits": {"perMinute": 3_000},
            }
        )
        return str(line_id)

    def _spawn(self, number: int, port: int) -> "subprocess.Popen[bytes]":
        environment = {
            **os.environ,
            "REDIS_URL": self.redis.url,
            "MONGODB_URI": self.mongo.uri,
            "CREDENTIALS_KEY": self._key,
            "SERVICE_TOKEN": TOKEN,
            "FAULT_ORDERS": str(self.orders),
            "INTERNAL_PORT": str(port),
            "WORKER_CONCURRENCY": "8",
            "LEASE_MS": "2000",
            "MESSAGE_LEASE_MS": "10000",
            "SEND_TIMEOUT_MS": "1500",
            "SEND_WITHIN_MS": "1000",
            "BLUEBUBBLES_SETTLE_MS": "2000",
            "RECONCILE_PATIENCE_MS": "120000",
            "LOG_FORMAT": "json",
            **self._given,
        }
        log = (self.folder / f"worker-{number}.log").open("ab")
        command = [sys.executable, "-m", "tests.end_to_end.messaging.faulty_worker"]
        return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log)

    def _keep_alive(self) -> None:
        for worker in self.workers:
            if worker.process.poll() is not None and not self._stopping.is_set():
                worker.deaths += 1
                worker.process = self._spawn(worker.number, worker.port)

    def _start(self, run: Callable[[], None], *, every_s: float) -> None:
        def loop() -> None:
            while not self._stopping.wait(every_s):
                run()

        thread = threading.Thread(target=loop, daemon=True)
        thread.start()
        self._threads.append(thread)


def _in_a_word(answer: httpx.Response) -> str:
    """Where the message was when a direct run ended; ``sending`` where a job had it."""
    return str(answer.json()["result"]["status"]) if answer.status_code == 200 else str(answer.status_code)


def recipient(number: int) -> str:
    """A telephone number of the plan's form."""
    return f"+1646{2_000_000 + number}"
