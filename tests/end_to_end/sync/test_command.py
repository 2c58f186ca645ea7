"""`tuco-jobs sync` against a gateway and a worker, from the command to the leads."""

import os
import subprocess
import sys

import pytest

from libs.simulators.crm.people import TIDY
from libs.simulators.hubspot import HubSpotSimulator, running_hubspot
from tests.end_to_end.gateway.conftest import SERVICE_TOKEN, running_gateway
from tests.end_to_end.sync.stage import ROOT, WORKSPACE, Stage


def tuco(environ: dict[str, str], *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "libs.cli", *arguments],
        cwd=ROOT,
        env={**os.environ, **environ},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def add(environ: dict[str, str], simulator: HubSpotSimulator, *more: str) -> str:
    arguments = ("integration", "add", "--provider", "hubspot", "--workspace", WORKSPACE, "--credentials-stdin")
    done = tuco(environ, *arguments, "--url", simulator.url, *more, stdin=simulator.token)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[1]


@pytest.mark.timeout(180)
def test_a_crm_is_connected_tried_and_synced_from_the_command_line(stage: Stage) -> None:
    with running_hubspot(60, shape=TIDY) as simulator, running_gateway(**stage.environ_of_gateway()) as gateway:
        simulator.edit(7, phone="call me", email=None)
        stage.start_worker()
        environ = {**stage.environ_of_gateway(), "BULLMQ_SERVER_URL": gateway.url, "SERVICE_TOKEN": SERVICE_TOKEN}
        integration_id = add(environ, simulator)

        tried = tuco(environ, "sync", integration_id, "--mode", "dryRun", "--follow")
        assert tried.returncode == 0, tried.stderr
        assert stage.database["leads"].count_documents({}) == 0

        done = tuco(environ, "sync", integration_id, "--follow")
        assert done.returncode == 0, done.stderr
        assert "completed" in done.stdout
        assert stage.database["leads"].count_documents({}) == 59
        (refused,) = [line for line in done.stderr.splitlines() if "invalid_phone" in line]
        assert "call me" in refused

        listed = tuco(environ, "integration", "runs", integration_id)
        assert [line.split()[1:3] for line in listed.stdout.splitlines()[-2:]] == [
            ["incremental", "completed"],
            ["dryRun", "completed"],
        ], listed.stdout + listed.stderr
        gone = tuco(environ, "integration", "remove", integration_id)
        assert gone.returncode == 0, gone.stderr
        assert stage.database["leads"].count_documents({}) == 59

        wrong = add(environ, simulator, "--map", "phone=nothing", "--map", "email=")
        failed = tuco(environ, "sync", wrong, "--mode", "full", "--follow")
        assert failed.returncode == 1
        assert "60 of 60 rows failed" in failed.stdout + failed.stderr
