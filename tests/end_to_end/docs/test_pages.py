"""The docs hold: their commands run, in the order of a reader, and their site can be built."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from bson import ObjectId

from libs.cli.services import BULK_AVAILABILITY, GATEWAY
from libs.cli.simulators import DEMO_WORKSPACE, SimulatorSettings
from libs.cli.stack import Plan, Stack
from libs.cli.state_folder import StateFolder, new_secrets
from libs.cli.supervisor import Supervisor
from libs.common.stores.collections import MESSAGES
from libs.embedded import ports
from tests.end_to_end.cli.program import clean_environ, run_inside
from tests.end_to_end.docs.pages import DOCS, ROOT, Block, blocks_of

READ_IN_THIS_ORDER: Final = (
    "get-started.md",
    "how-to/import-leads.md",
    "how-to/enqueue.md",
    "how-to/schedule.md",
    "how-to/send-messages.md",
    "troubleshooting.md",
)


@pytest.fixture
def reader(tmp_path: Path, redis_url: str, mongo_uri: str) -> Iterator[Path]:
    """The folder of a reader who has a running system, as `make dev` leaves it for a second terminal."""
    plan = Plan(
        data=None,
        secrets=new_secrets(),
        port=ports.choose(),
        workspace=DEMO_WORKSPACE,
        simulators=SimulatorSettings(lines=2, latency_ms=5),
        settings={"LOG_LEVEL": "warning"},
        services=(GATEWAY, BULK_AVAILABILITY),
    )
    environ = clean_environ(REDIS_URL=redis_url, MONGODB_URI=mongo_uri)
    said: list[str] = []
    supervisor = Supervisor(on_line=lambda name, line: said.append(f"{name}: {line}"))
    with Stack(plan, environ=environ, supervisor=supervisor) as stack:
        ill = stack.await_health(timeout_s=60)
        assert ill is None, (ill, said)
        stack.initialize()
        _write_a_message(stack)
        names = ("BULLMQ_SERVER_URL", "SERVICE_TOKEN", "ADMIN_TOKEN", "MONGODB_URI", "CREDENTIALS_KEY")
        StateFolder(tmp_path / ".tuco").announce({name: stack.environ[name] for name in names})
        (tmp_path / "docs").symlink_to(DOCS)
        yield tmp_path


def _write_a_message(stack: Stack) -> None:
    """The message that the pages name."""
    database, now = stack.database(), datetime.now(UTC)
    message = {"workspaceId": "w1", "campaignId": "spring", "to": "+12125550123", "text": "Hello", "attempts": 1}
    written = {"_id": ObjectId("5f0000000000000000000001"), "status": "uncertain", "createdAt": now, "updatedAt": now}
    database[MESSAGES].insert_one({**message, **written})
    database.client.close()


def run(block: Block, folder: Path) -> str | None:
    """What went wrong; None where it went as the page says."""
    status, output = 0, ""
    commands = block.commands()
    if commands is None:
        environ = clean_environ(PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        script = f"set -e; set -a; source .tuco/dev.env; set +a\n{block.text}"
        done = subprocess.run(
            ["bash", "-c", script], cwd=folder, env=environ, capture_output=True, text=True, timeout=120
        )
        status, output = done.returncode, done.stdout + done.stderr
    for words in commands or ():
        answered = run_inside(*words, folder=folder, environ={})
        status, output = answered.returncode, output + answered.stdout + answered.stderr
        if status:
            break
    return (
        None if status == block.status else f"{block.page}: status {status}, not {block.status}\n{block.text}{output}"
    )


def test_what_the_pages_tell_one_to_type_works(reader: Path) -> None:
    blocks = [block for page in READ_IN_THIS_ORDER for block in blocks_of(DOCS / page)]
    assert len(blocks) > 10

    assert [problem for block in blocks if (problem := run(block, reader))] == []


def test_no_page_has_commands_to_run_that_are_not_run() -> None:
    marked = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md") if "<!-- run" in page.read_text()}

    assert marked == set(READ_IN_THIS_ORDER)
    for page in marked:
        assert (DOCS / page).read_text().count("<!-- run") == len(list(blocks_of(DOCS / page)))


def test_the_site_is_built_without_a_broken_link_and_fetches_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr

    fetching = ('<script src="http', '<link rel="stylesheet" href="http', "fonts.googleapis")
    for page in (tmp_path / "site").rglob("*.html"):
        assert not [mark for mark in fetching if mark in page.read_text()], page
