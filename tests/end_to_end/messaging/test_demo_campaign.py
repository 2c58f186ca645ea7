"""The demonstration's second act, as a person runs it."""

import json
import sys
from pathlib import Path

import pytest

from tests.end_to_end.cli.family import new_family
from tests.end_to_end.cli.program import run
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds processes through /proc")


@pytest.mark.timeout(240)
@pytest.mark.chaos
def test_a_campaign_survives_a_line_a_worker_and_redis(tmp_path: Path) -> None:
    family = new_family()
    done = run(
        "demo",
        "--only",
        "messages",
        "--messages",
        "150",
        "--json",
        folder=tmp_path,
        environ=family.environ,
        timeout_s=220,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["campaign"]
    assert told["holds"] is True
    assert (told["due"], told["deliveries"], told["repeated"]) == (150, 150, 0)
    assert "kill -9 of Redis" in done.stderr
    wait_until(lambda: not family.members(), deadline_s=20, message="nothing is left running")
    assert list(tmp_path.iterdir()) == []
