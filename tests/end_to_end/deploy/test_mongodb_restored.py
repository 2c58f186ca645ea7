"""MongoDB set back to a backup, by the steps of the runbook: what went out meanwhile does not go out again.

It takes servers of its own and half a minute, so it runs when it is asked for (`pytest -m chaos`).
"""

import json
import re
import shutil
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import pytest

from libs.common.broker.connection import connect_redis
from libs.common.broker.keys import QUEUE_KEYS
from libs.common.stores.collections import MESSAGES, create_collections
from tests.end_to_end.messaging.campaign import Campaign
from tests.waiting import wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

RUNBOOK = Path(__file__).resolve().parents[3] / "docs" / "runbooks" / "mongodb-restored.md"
EACH = 20


class Installation(Campaign):
    """A campaign whose sending can be stopped, and whose MongoDB can be backed up and set back."""

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def start_sending(self) -> None:
        self._stopping = threading.Event()
        self.workers.clear()
        self.start_ticks(schedulers=1)
        self.start_workers()

    def stop_sending(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=30)
        self._threads.clear()
        for worker in self.workers:
            worker.process.terminate()
            worker.process.wait(timeout=30)

    def back_up(self, into: Path) -> None:
        """A snapshot of the files while nothing is written to them, as of a volume."""
        admin = self.database.client.admin
        admin.command("fsync", lock=True)
        try:
            shutil.copytree(self.mongo.data_dir / "data", into)
        finally:
            admin.command("fsyncUnlock")

    def lose_mongodb(self) -> None:
        self.mongo.kill()
        shutil.rmtree(self.mongo.data_dir / "data")

    def restore(self, backup: Path) -> None:
        shutil.copytree(backup, self.mongo.data_dir / "data")
        self.mongo.start()

    def sent(self, group: str) -> int:
        return int(self.database[MESSAGES].count_documents({"group": group, "status": {"$in": ["sent", "delivered"]}}))

    def deliveries(self) -> dict[str, int]:
        """How often each message arrived, by the provider's own count."""
        arrived: dict[str, int] = {}
        for delivery in self.simulator.state.deliveries.select():
            arrived[delivery.reference] = arrived.get(delivery.reference, 0) + 1
        return arrived

    def references(self, group: str) -> set[str]:
        return {f"tuco-{message['_id']}" for message in self.database[MESSAGES].find({"group": group}, {"_id": 1})}

    def follow_the_runbook(self) -> int:
        """Step 2, 3 and 4; answers how many messages it took out of the way."""
        create_collections(self.database)
        redis = connect_redis(self.settings)
        for queue in ("message-processing", "scheduled-messages"):
            redis.unlink(*(f"tuco:{{{queue}}}:{name}" for name in QUEUE_KEYS))
        wanted, change = _command_of_the_runbook(now=datetime.now(UTC))
        return self.database[MESSAGES].update_many(wanted, change).modified_count


def _command_of_the_runbook(*, now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments of `db.messages.updateMany(...)` as the page has them, NOW filled in."""
    found = re.search(r"db\.messages\.updateMany\((.*?)\)\n", RUNBOOK.read_text(), flags=re.DOTALL)
    assert found
    wanted, change = json.loads(f"[{found[1].replace('NOW', json.dumps('NOW'))}]")
    return _with(wanted, now), _with(change, now)


def _with(value: Any, now: datetime) -> Any:
    if isinstance(value, dict):
        return {name: _with(each, now) for name, each in value.items()}
    if isinstance(value, list):
        return [_with(each, now) for each in value]
    return now if value == "NOW" else value


def test_what_went_out_between_backup_and_disaster_does_not_go_out_again(tmp_path: Path) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    with Installation(tmp_path, messages=EACH) as installation:
        messages = installation.database[MESSAGES]
        installation.insert(group="before the backup")
        installation.insert(group="in the gap", scheduledAt=later)
        installation.insert(group="after the restore", scheduledAt=later)
        installation.start_sending()
        wait_until(lambda: installation.sent("before the backup") == EACH, deadline_s=60)
        # Nobody sends while the second group becomes due and the backup is made: it holds them as not yet sent.
        installation.stop_sending()
        messages.update_many({"group": "in the gap"}, {"$set": {"scheduledAt": datetime.now(UTC)}})
        installation.back_up(tmp_path / "backup")
        installation.start_sending()
        wait_until(lambda: installation.sent("in the gap") == EACH, deadline_s=60)

        installation.stop_sending()
        installation.lose_mongodb()
        installation.restore(tmp_path / "backup")
        wait_until(lambda: installation.sent("before the backup") == EACH, deadline_s=60)
        assert messages.count_documents({"group": "in the gap", "status": "scheduled"}) == EACH
        assert installation.follow_the_runbook() == EACH

        installation.start_sending()
        messages.update_many({"group": "after the restore"}, {"$set": {"scheduledAt": datetime.now(UTC)}})
        wait_until(lambda: installation.sent("after the restore") == EACH, deadline_s=60)
        assert messages.count_documents({"group": "in the gap", "status": "uncertain"}) == EACH
        groups = ("before the backup", "in the gap", "after the restore")
        every = {reference for group in groups for reference in installation.references(group)}
        assert installation.deliveries() == dict.fromkeys(every, 1)
