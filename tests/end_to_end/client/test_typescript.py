"""The TypeScript client: its types are the gateway's, and it and its commands work against a running one."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pymongo.database import Database

from libs.common.stores.collections import MESSAGES
from services.gateway.reference.__main__ import full_document
from tests.end_to_end.gateway.conftest import ADMIN_TOKEN, SERVICE_TOKEN, RunningGateway, gateway

__all__ = ["gateway"]

CLIENT = Path(__file__).parents[3] / "libs" / "client-typescript"
TOOLS = CLIENT / "node_modules" / ".bin"

if shutil.which("node") is None:
    pytest.skip("Node is not installed, so nobody can use the client here", allow_module_level=True)
if not (TOOLS / "tsc").exists():
    pytest.skip("the client's packages are not installed; make setup does it where npm is", allow_module_level=True)


def run(
    *words: str | Path, environ: Mapping[str, str] | None = None, folder: Path = CLIENT
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **(environ or {})},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client and its tests, type-checked and compiled, beside the packages that they need."""
    folder = tmp_path_factory.mktemp("client")
    done = run(TOOLS / "tsc", "--outDir", folder)
    assert done.returncode == 0, done.stdout
    shutil.copy(CLIENT / "package.json", folder)
    (folder / "node_modules").symlink_to(CLIENT / "node_modules")
    return folder


def command(
    built: Path, name: str, *words: str, url: str, service_token: str = SERVICE_TOKEN
) -> subprocess.CompletedProcess[str]:
    environ = {"BULLMQ_SERVER_URL": url, "SERVICE_TOKEN": service_token, "ADMIN_TOKEN": ADMIN_TOKEN}
    return run("node", built / "src" / "commands" / f"{name}.js", *words, environ=environ)


def test_its_types_are_those_of_the_openapi_document(tmp_path: Path) -> None:
    document, made = tmp_path / "openapi.json", tmp_path / "schema.ts"
    document.write_bytes(msgspec.json.encode(full_document()))
    words = json.loads((CLIENT / "package.json").read_text())["scripts"]["types"].split()
    done = run(TOOLS / words[0], document, *words[1:-1], made)

    assert done.returncode == 0, done.stderr
    assert made.read_text() == (CLIENT / "src" / "schema.ts").read_text(), "stale types; write them with make reference"


def test_it_does_what_it_says_against_a_gateway(
    built: Path, gateway: RunningGateway, mongo_database: Database[dict[str, Any]]
) -> None:
    now = datetime.now(UTC)
    message = {
        "workspaceId": "w1",
        "to": "+12125550123",
        "text": "Hello",
        "status": "scheduled",
        "scheduledAt": now + timedelta(days=1),
        "createdAt": now,
        "updatedAt": now,
    }
    message_id = str(mongo_database[MESSAGES].insert_one(message).inserted_id)
    environ = {
        "BULLMQ_SERVER_URL": gateway.url,
        "SERVICE_TOKEN": SERVICE_TOKEN,
        "ADMIN_TOKEN": ADMIN_TOKEN,
        "TEST_MESSAGE_ID": message_id,
    }
    done = run("node", "--test", "test/", environ=environ, folder=built)

    assert done.returncode == 0, done.stdout
    assert "# skipped 0" in done.stdout

    stats = command(built, "stats", url=gateway.url)
    assert (stats.returncode, stats.stderr) == (0, "")
    assert stats.stdout.splitlines()[0].split()[:2] == ["queue", "waiting"]
    assert json.loads(command(built, "stats", "--json", url=gateway.url).stdout)["queues"]

    assert command(built, "init", url=gateway.url).stdout == "Everything was there already.\n"

    health = command(built, "health", "--json", url=gateway.url)
    assert health.returncode == 0
    assert json.loads(health.stdout)["parts"]["mongodb"]["status"] == "up"

    refused = command(built, "stats", url=gateway.url, service_token="wrong")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "error: The token is not known.\n"


def test_its_commands_end_as_scripts_expect(built: Path) -> None:
    away = command(built, "health", url="http://127.0.0.1:9")
    assert (away.returncode, away.stdout) == (3, "")
    assert away.stderr.startswith("error: Nothing answers at http://127.0.0.1:9")
    assert command(built, "stats", "--nonsense", url="http://127.0.0.1:9").returncode == 2
