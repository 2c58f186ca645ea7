"""The health check against simulated lines: all of them, side by side, and what has changed is stored and told."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from bson import ObjectId
from pymongo.database import Database
from structlog.testing import capture_logs

from libs.common.clock import SystemClock
from libs.common.credentials import CredentialsVault, new_credentials_key
from libs.common.offload import Offload
from libs.common.providers.registry import checker_for
from libs.common.providers.sure_transport import SureTransport
from libs.common.settings import Secret, Settings
from libs.common.stores.collections import LINE_HEALTH, LINES, create_collections
from libs.common.stores.line_health import LineHealthStore, LineLook, StoredHealth
from libs.common.stores.lines import HealthStatus, line_record
from libs.common.stores.mongo import Document, connect_mongo
from libs.simulators.bluebubbles import BlueBubblesSimulator, running_bluebubbles
from services.availability.health_check import HealthCheck
from services.availability.health_probe import Probe

KEY = new_credentials_key()


@pytest.fixture
def database(mongo_uri: str) -> Database[Document]:
    connected = connect_mongo(Settings(mongodb_uri=Secret(mongo_uri)), service="test")
    create_collections(connected)
    return connected


@pytest.fixture
def simulator() -> Iterator[BlueBubblesSimulator]:
    with running_bluebubbles(lines=4, available_ratio=1.0) as simulator:
        yield simulator


class Ward:
    """The lines, and a check of them."""

    def __init__(self, database: Database[Document], simulator: BlueBubblesSimulator) -> None:
        self.database = database
        self.simulator = simulator
        self.store = LineHealthStore(database)

    def add(self, number: int, **fields: Any) -> str:
        line, line_id = self.simulator.line(number), ObjectId()
        vault = CredentialsVault(Secret(KEY))
        self.database[LINES].insert_one(
            {
                "_id": line_id,
                "workspaceId": f"w{number}",
                "address": f"+1212555090{number}",
                "provider": "bluebubbles",
                "serverUrl": line.server_url,
                "credentials": vault.seal({"password": line.password}, record=line_record(str(line_id))),
                "status": "active",
                **fields,
            }
        )
        return str(line_id)

    def check(self, *, deadline_s: float = 5, timeout_s: float = 2) -> dict[str, int]:
        async def run() -> dict[str, int]:
            transport = SureTransport(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout_s)))
            vault, offload = CredentialsVault(Secret(KEY)), Offload(threads=2)

            async def no_pause(_seconds: float) -> None: ...

            probe = Probe(
                lambda line: checker_for(line, transport, vault),
                clock=SystemClock(),
                deadline=timedelta(seconds=deadline_s),
                sleep=no_pause,
            )
            try:
                return await HealthCheck(self.store, probe, offload).run_once()
            finally:
                await transport.close()
                offload.close()

        return asyncio.run(run())

    def health(self, line_id: str) -> dict[str, Any]:
        found = self.database[LINES].find_one({"_id": ObjectId(line_id)})
        assert found is not None
        health: dict[str, Any] = found["health"]
        return health


@pytest.fixture
def ward(database: Database[Document], simulator: BlueBubblesSimulator) -> Ward:
    return Ward(database, simulator)


def test_every_active_line_of_every_workspace_is_looked_at(ward: Ward) -> None:
    lines = [ward.add(number) for number in (1, 2, 3)]
    ward.add(4, status="retired")
    assert ward.check() == {"up": 3, "degraded": 0, "down": 0}
    health = ward.health(lines[0])
    assert (health["status"], health["consecutiveFailures"]) == ("up", 0)
    assert health["latencyMs"] >= 0
    assert ward.database[LINE_HEALTH].count_documents({}) == 3


def test_a_line_goes_down_in_two_checks_and_comes_back_in_two(ward: Ward) -> None:
    line_id = ward.add(1)
    ward.check()
    ward.simulator.take_down(1)
    assert [ward.check()["down"] for _ in range(2)] == [0, 1]
    assert ward.health(line_id)["reason"] == "refused"
    ward.simulator.bring_up(1)
    assert [ward.check() for _ in range(2)][-1]["up"] == 1
    assert "reason" not in ward.health(line_id)


def test_one_lost_packet_is_not_even_noticed(ward: Ward) -> None:
    ward.add(1)
    ward.simulator.set_fault(fault="reset", count=1)
    assert ward.check()["up"] == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"private_api": False}, "the Private API is off"),
        ({"helper_connected": False}, "the Private API's helper is not connected"),
        ({"imessage_account": None}, "no iMessage account is signed in"),
    ],
)
def test_a_server_that_runs_without_imessage_is_not_well(ward: Ward, change: dict[str, object], reason: str) -> None:
    line_id = ward.add(1)
    ward.simulator.configure(1, **change)
    assert ward.check()["degraded"] == 1
    assert reason in ward.health(line_id)["reason"]


def test_a_line_that_cannot_answer_about_an_address_is_not_well(ward: Ward) -> None:
    line_id = ward.add(1)
    ward.simulator.set_fault(fault="server_error", endpoint="handle/availability/imessage")
    ward.check()
    assert ward.health(line_id)["reason"] == "server_error"


def test_a_line_that_hangs_holds_up_no_other(ward: Ward) -> None:
    hanging, well = ward.add(1), ward.add(2)
    ward.simulator.set_fault(fault="hang", line=1)
    began = time.monotonic()
    ward.check(deadline_s=1, timeout_s=30)
    assert time.monotonic() - began < 4
    assert (ward.health(hanging)["reason"], ward.health(well)["status"]) == ("timeout", "up")


def test_a_line_whose_secret_cannot_be_opened_is_not_well(ward: Ward) -> None:
    line_id = ward.add(1, credentials="nonsense")
    ward.check()
    assert ward.health(line_id)["reason"] == "credentials_unreadable"


def test_a_change_is_told_and_kept(ward: Ward) -> None:
    line_id = ward.add(1)
    ward.check()
    ward.simulator.take_down(1)
    with capture_logs() as logs:
        ward.check()
    (told,) = [event for event in logs if event["event"] == "line.health_changed"]
    assert (told["before"], told["after"], told["reason"]) == ("up", "degraded", "refused")
    history = ward.store.history(line_id, since=datetime.now(UTC) - timedelta(minutes=1))
    assert [row["status"] for row in history] == ["degraded", "up"]
    assert [row["before"] for row in history] == ["up", None]


def test_a_check_that_comes_late_does_not_overwrite_a_newer_one(ward: Ward) -> None:
    line_id = ward.add(1)
    ward.check()
    newer = ward.health(line_id)
    late = StoredHealth(status=HealthStatus.DOWN, checked_at=newer["checkedAt"] - timedelta(seconds=1))
    ward.store.record([LineLook(line_id=line_id, workspace_id="w1", health=late)])
    assert ward.health(line_id) == newer
