"""The work under which faults happen: messages, checks, a sync, ticks; asked for as the app does, and insisted on."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from bson import ObjectId
from pymongo.errors import DuplicateKeyError, PyMongoError

from libs.cli.gateway import API
from libs.common.stores.collections import LEADS, MESSAGES
from tests.chaos.crm import CRM_WORKSPACE, Crm
from tests.chaos.owed import Accepted, Kind
from tests.chaos.setup import WORKSPACE
from tests.chaos.world import World
from tests.waiting import wait_until

_OK = (200, 202)
_PAUSE_S = 0.3
_TICK_S = 60
_BEFORE_TICK_S = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much work there is.

    Args:
        jobs: bulk availability jobs, no more than ``direct``.
        leads_per_job: leads of each, all different.
        direct: messages that are sent through REST.
        scheduled: messages that wait for the scheduler, due at once.
        contacts: contacts of a CRM that are synced, where the installation does that.
        every_s: seconds between two requests.
        patience_s: seconds that may pass after the last request until everything has come to an end.
    """

    jobs: int = 10
    leads_per_job: int = 40
    direct: int = 60
    scheduled: int = 60
    contacts: int = 600
    every_s: float = 0.2
    patience_s: float = 200.0


class Producer:
    """Asks for the work as the app does: writes documents to MongoDB, asks the gateway, insists until it is answered.

    Args:
        world: the installation.
        scale: how much.
    """

    def __init__(self, world: World, scale: Scale) -> None:
        self._world = world
        self._scale = scale
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="producer")
        self._number = 0
        self._closing = threading.Event()
        self._things = ExitStack()
        self._crm: Crm | None = None
        self.accepted = Accepted()
        settings = world.stack.settings
        self.client = httpx.Client(
            base_url=world.stack.url + API,
            headers={"Authorization": f"Bearer {settings.service_token.reveal()}"},
            timeout=20.0,
            trust_env=False,
        )

    def start(self) -> None:
        """Begin; where messages wait for the scheduler, shortly before its next tick, so that faults meet that too."""
        self._jobs = [self._insert_leads() for _ in range(self._scale.jobs)]
        if self._world.has_crm and self._scale.contacts:
            self._crm = Crm(self._things, contacts=self._scale.contacts)
            self._integration = self._crm.integrate(self._world.database, self._world.stack.settings)
        if self._scale.scheduled:
            wait_until(lambda: time.time() % _TICK_S > _TICK_S - _BEFORE_TICK_S, deadline_s=_TICK_S + 1, interval_s=0.1)
            for _ in range(self._scale.scheduled):
                self._schedule()
        self._asking = self._pool.submit(self._run)

    def finish(self) -> None:
        """Wait until everything has been asked for, or given up; raises what went wrong in the producer itself."""
        self._asking.result()

    def close(self) -> None:
        """Stop asking, and close the connections."""
        self._closing.set()
        self._pool.shutdown()
        self.client.close()
        self._things.close()

    def message(self, **fields: Any) -> str:
        """Write a message to MongoDB, to a recipient of its own; answer its id."""
        message_id, now = ObjectId(), datetime.now(UTC)
        self._number += 1
        document = {
            "_id": message_id,
            "workspaceId": WORKSPACE,
            "to": f"+1646{2_000_000 + self._number}",
            "text": f"Hello, this is message {self._number}",
            "createdAt": now,
            "updatedAt": now,
            **fields,
        }

        def write() -> bool:
            with suppress(DuplicateKeyError):
                self._world.database[MESSAGES].insert_one(document)
            return True

        if not self._insist(write):
            raise AssertionError("MongoDB took no message")
        return str(message_id)

    def post(self, body: dict[str, Any], *, key: str) -> httpx.Response | None:
        """One request; None where no answer came."""
        try:
            answer = self.client.post("/jobs", json=body, headers={"Idempotency-Key": key})
        except httpx.TransportError:
            self.accepted.statuses[0] += 1
            return None
        self.accepted.statuses[answer.status_code] += 1
        return answer

    def _run(self) -> None:
        for step in self._steps():
            step()
            if self._closing.wait(self._scale.every_s):
                return

    def _steps(self) -> Iterator[Callable[[], None]]:
        """Every request, the bulk jobs spread evenly among the messages."""
        jobs, messages = len(self._jobs), self._scale.direct
        for number in range(messages):
            if number * jobs // messages != (number - 1) * jobs // messages:
                yield self._check
            yield self._send
            if self._crm and number == messages // 8:
                yield self._sync

    def _send(self) -> None:
        message_id = self.message(status="queued")
        data = {"messageId": message_id, "workspaceId": WORKSPACE}
        if self._ask({"jobType": "message-processing", "data": data}, key=message_id):
            self.accepted.promise(Kind.MESSAGE, [message_id], time.time())

    def _schedule(self) -> None:
        message_id = self.message(status="scheduled", scheduledAt=datetime.now(UTC))
        self.accepted.promise(Kind.MESSAGE, [message_id], time.time())

    def _check(self) -> None:
        leads = self._jobs.pop()
        data = {"leadIds": leads, "userId": "chaos", "workspaceId": WORKSPACE}
        if self._ask({"jobType": "bulk-availability-check", "data": data}, key=leads[0]):
            self.accepted.promise(Kind.LEAD, leads, time.time())

    def _sync(self) -> None:
        data = {"integrationId": self._integration, "workspaceId": CRM_WORKSPACE, "mode": "full"}
        if self._crm and self._ask({"jobType": "integration-sync", "data": data}, key=self._integration):
            self.accepted.promise(Kind.CONTACT, self._crm.contacts, time.time())

    def _ask(self, body: dict[str, Any], *, key: str) -> bool:
        def ask() -> bool:
            answer = self.post(body, key=key)
            return answer is not None and answer.status_code in _OK

        taken = self._insist(ask)
        self.accepted.refused += not taken
        return taken

    def _insist(self, act: Callable[[], bool]) -> bool:
        """Whether it succeeded, sooner or later."""
        give_up_at = time.monotonic() + self._scale.patience_s / 2
        while time.monotonic() < give_up_at and not self._closing.is_set():
            with suppress(PyMongoError):
                if act():
                    return True
            self._closing.wait(_PAUSE_S)
        return False

    def _insert_leads(self) -> list[str]:
        now = datetime.now(UTC)
        documents = []
        for _ in range(self._scale.leads_per_job):
            self._number += 1
            phone = f"+1212{3_000_000 + self._number}"
            documents.append({"workspaceId": WORKSPACE, "phone": phone, "createdAt": now, "updatedAt": now})
        return [str(each) for each in self._world.database[LEADS].insert_many(documents).inserted_ids]
