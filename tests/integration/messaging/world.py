"""A workspace with simulated lines, and workers whose lives tests may end at any point."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import httpx
from bson import ObjectId
from pymongo.database import Database

from libs.common.credentials import CredentialsVault, new_credentials_key
from libs.common.errors import NotNow
from libs.common.jobs.message_processing import MessageProcessing
from libs.common.settings import Secret, Settings
from libs.common.stores.collections import LINES
from libs.common.stores.lines import line_record
from libs.common.stores.mongo import Document
from libs.simulators.bluebubbles import BlueBubblesSimulator
from services.messaging.bootstrap import build_message_processing
from services.messaging.fault_points import AtFaultPoint, FaultPoint, no_faults
from tests.integration.messaging.factories import WORKSPACE, insert_message, stored

SETTLE_MS = 700
LEAVES_WITHIN_MS = 300


class Died(BaseException):
    """The worker was killed: nothing after this point runs."""


def dies_at(point: FaultPoint) -> AtFaultPoint:
    async def at(reached: FaultPoint) -> None:
        if reached is point:
            raise Died

    return at


class World:
    """Everything a send needs."""

    def __init__(self, database: Database[Document], redis_url: str, simulator: BlueBubblesSimulator) -> None:
        self.database = database
        self.simulator = simulator
        self.key = new_credentials_key()
        self.redis_url = redis_url
        self.settings = self.with_settings()

    def with_settings(self, **changes: Any) -> Settings:
        return Settings(
            **{
                "redis_url": Secret(self.redis_url),
                "credentials_key": Secret(self.key),
                "bluebubbles_settle_ms": SETTLE_MS,
                "send_within_ms": LEAVES_WITHIN_MS,
                "send_timeout_ms": 500,
                "reconcile_patience_ms": 5_000,
                **changes,
            }
        )

    def add_line(self, number: int = 1, **fields: Any) -> str:
        line = self.simulator.line(number)
        line_id = ObjectId()
        vault = CredentialsVault(Secret(self.key))
        document = {
            "_id": line_id,
            "workspaceId": WORKSPACE,
            "name": line.name,
            "address": f"+1212555090{number}",
            "provider": "bluebubbles",
            "serverUrl": line.server_url,
            "credentials": vault.seal({"password": line.password}, record=line_record(str(line_id))),
            "status": "active",
            "limits": {"perMinute": None, "perDay": None, "newConversationsPerDay": None},
            **fields,
        }
        self.database[LINES].insert_one(document)
        return str(line_id)

    def change_line(self, line_id: str, **fields: Any) -> None:
        self.database[LINES].update_one({"_id": ObjectId(line_id)}, {"$set": fields})

    def message(self, **fields: Any) -> str:
        return insert_message(self.database, **fields)

    def stored(self, message_id: str) -> Document:
        return stored(self.database, message_id)

    def status(self, message_id: str) -> str:
        return str(self.stored(message_id)["status"])

    def run(
        self,
        message_id: str,
        *,
        job: str = "job-1",
        at: AtFaultPoint = no_faults,
        settings: Settings | None = None,
        workspace: str = WORKSPACE,
    ) -> dict[str, Any]:
        """One run of a job, in a worker of its own."""
        (only,) = self.run_all([message_id], jobs=[job], at=at, settings=settings, workspace=workspace)
        if isinstance(only, BaseException):
            raise only
        return only

    def run_all(
        self,
        message_ids: Sequence[str],
        *,
        jobs: Sequence[str] | None = None,
        at: AtFaultPoint = no_faults,
        settings: Settings | None = None,
        workspace: str = WORKSPACE,
    ) -> list[dict[str, Any] | BaseException]:
        """One run for each message, side by side in one worker."""
        parts = build_message_processing(settings or self.settings, self.database, at=at)
        names = jobs or [f"job-{message_id}" for message_id in message_ids]

        async def run_one(job: str, message_id: str) -> dict[str, Any] | BaseException:
            try:
                return await parts.jobs.run(job, MessageProcessing(message_id=message_id, workspace_id=workspace))
            except (Exception, Died) as error:  # noqa: BLE001 - what went wrong is the answer
                return error

        async def run_side_by_side() -> list[dict[str, Any] | BaseException]:
            try:
                return await asyncio.gather(*map(run_one, names, message_ids))
            finally:
                await parts.transport.close()

        try:
            return asyncio.run(run_side_by_side())
        finally:
            parts.offload.close()

    def run_in_one_worker(self, message_id: str, *, deadline_s: float = 15) -> dict[str, Any]:
        """Runs a job in one worker, again when it asks for it, until it has a result."""
        parts = build_message_processing(self.settings, self.database)
        payload = MessageProcessing(message_id=message_id, workspace_id=WORKSPACE)

        async def run() -> dict[str, Any]:
            try:
                async with asyncio.timeout(deadline_s):
                    while True:
                        try:
                            return await parts.jobs.run("job-1", payload)
                        except NotNow as later:
                            await asyncio.sleep(max(later.until.timestamp() - time.time(), 0.0))
            finally:
                await parts.transport.close()

        try:
            return asyncio.run(run())
        finally:
            parts.offload.close()

    def run_until_settled(self, message_id: str, *, job: str = "job-1", deadline_s: float = 15) -> dict[str, Any]:
        """Runs a job as a queue does: again when it asks for it, until it has a result."""
        give_up_at = time.monotonic() + deadline_s
        while time.monotonic() < give_up_at:
            try:
                return self.run(message_id, job=job)
            except NotNow as later:
                wait_s = later.until.timestamp() - time.time()
                time.sleep(min(max(wait_s, 0.0), 1.0))
        raise AssertionError(f"not settled: {self.stored(message_id)}")

    def call_directly(self, number: int, message_id: str, *, to: str, text: str) -> None:
        """Makes the call that sends a message, as a worker did that is no more."""
        line = self.simulator.line(number)
        body = {"addresses": [to], "message": text, "method": "private-api", "tempGuid": f"tuco-{message_id}"}
        url = f"{line.server_url}/api/v1/chat/new"
        httpx.post(url, params={"password": line.password}, json=body, trust_env=False).raise_for_status()

    def delivered(self, message_id: str | None = None) -> int:
        reference = f"tuco-{message_id}" if message_id else None
        return len(self.simulator.state.deliveries.select(reference=reference))

    def asked(self, endpoint: str) -> int:
        return sum(counts.get(endpoint, 0) for counts in self.simulator.state.calls.per_endpoint().values())
