"""The demonstration, as a person runs it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.cli.family import new_family
from tests.end_to_end.cli.program import clean_environ, command, run
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds processes through /proc")


def test_the_numbers_add_up_and_nothing_is_left_behind(tmp_path: Path) -> None:
    family = new_family()
    unused = {"REDIS_URL": "redis://127.0.0.1:1", "MONGODB_URI": "mongodb://127.0.0.1:1/x", "LEASE_MS": "wrong"}
    environ = {**family.environ, **unused}
    done = run("demo", "--only", "leads", "--json", folder=tmp_path, environ=environ, timeout_s=100)

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["holds"] is True
    assert sum(told["outcomes"].values()) == 2_000
    assert set(told["outcomes"]) == {"available", "unavailable", "invalid"}
    assert told["otherRepeats"] == 0
    assert told["providerCalls"] == told["distinctHandles"] + told["repeatsOfChunksInHand"]
    assert told["killed"]["handlesAsked"] > 0
    assert 0 < told["recoveredSeconds"] < 10
    assert "kill -9 of availability-2" in done.stderr
    wait_until(lambda: not family.members(), deadline_s=20, message="nothing is left running")
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_it_at_any_time_and_leaves_nothing(tmp_path: Path) -> None:
    family = new_family()
    with subprocess.Popen(
        command("demo"), cwd=tmp_path, env=clean_environ(**family.environ), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "asking for" in line:
                break
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)

    assert process.returncode == 130, said
    assert "Traceback" not in said
    wait_until(lambda: not family.members(), deadline_s=20, message="nothing is left running")


@pytest.mark.chaos
def test_the_rows_of_three_crms_add_up(tmp_path: Path) -> None:
    family = new_family()
    done = run("demo", "--only", "syncs", "--json", folder=tmp_path, environ=family.environ, timeout_s=150)

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["syncs"]
    assert told["holds"] is True
    assert [(each["crm"], each["kind"]) for each in told["synced"]] == [
        (crm, kind) for kind in ("first", "changes") for crm in ("HubSpot", "Salesforce", "Google Sheets")
    ]
    assert {row["reason"] for each in told["synced"] for row in each["refused"]} == {"invalid_phone", "no_contact"}
    wait_until(lambda: not family.members(), deadline_s=20, message="nothing is left running")
