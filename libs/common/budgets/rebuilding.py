"""Makes a workspace's counts in Redis anew from what MongoDB knows, and puts them in place in one step.

The counts are built under names of their own, in batches, and take their places all at once; of several processes that
do it side by side, the first to finish counts and the others' work is thrown away.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Final

from redis import Redis
from redis.commands.core import Script

from libs.common.broker.connection import redis_errors
from libs.common.budgets.contract import WorkspaceBudget
from libs.common.budgets.keys import BudgetKeys
from libs.common.budgets.records import RecordReader, Records, Slot
from libs.common.clock import to_ms
from libs.common.local_time import first_instant_of, local_day
from libs.common.logging import get_logger

log = get_logger(__name__)

DAYS: Final = 33
"""For how many days counts are put in place: as far ahead as promises are made, and a little more."""

_BATCH: Final = 1_000
_UNFINISHED_KEPT: Final = timedelta(minutes=10)
_DAYS_KEPT: Final = timedelta(days=4)


class Rebuilder:
    """Rebuilds budgets.

    Args:
        redis: a client that answers bytes.
        records: what MongoDB knows.
        finish: the script ``finish_rebuild.lua``.
    """

    def __init__(self, redis: "Redis", records: RecordReader, finish: Script) -> None:
        self._redis = redis
        self._records = records
        self._finish = finish

    def rebuild(self, workspace: WorkspaceBudget, keys: BudgetKeys, *, epoch: str, now: datetime) -> bool:
        """Puts complete counts in place under ``epoch``; answers whether they are this call's.

        Raises:
            StoreUnavailable: Redis or MongoDB is away; nothing is in place then.
        """
        records = self._records.read(workspace, now=now)
        building = keys.under_construction(uuid.uuid4().hex)
        line_pairs: list[str] = []
        day_pairs: list[str] = []
        with redis_errors():
            for line in workspace.lines:
                self._write_slots(records.slots.get(line.line_id, []), building, line.line_id)
                line_pairs += [building.slots(line.line_id), keys.slots(line.line_id)]
                line_pairs += [building.held(line.line_id), keys.held(line.line_id)]
                for day in _days(local_day(now, line.zone)):
                    place = (line.line_id, day)
                    self._write_line_day(records, building, place, first_instant_of(date.fromisoformat(day), line.zone))
                    day_pairs += [building.line_day(*place), keys.line_day(*place)]
            for day in _days(local_day(now, workspace.zone)):
                if count := records.workspace_days[day]:
                    ends = first_instant_of(date.fromisoformat(day), workspace.zone) + _DAYS_KEPT
                    self._redis.set(building.workspace_day(day), count, pxat=to_ms(ends))
                day_pairs += [building.workspace_day(day), keys.workspace_day(day)]
            self._write_recipients(records.all_slots(), keys, workspace.recipient_gap)
            done = self._finish(keys=[keys.epoch, *line_pairs, *day_pairs], args=[epoch, len(line_pairs) // 2])
        log.info("budgets.rebuilt", workspace_id=workspace.workspace_id, ours=bool(done))
        return bool(done)

    def _write_slots(self, slots: list[Slot], building: BudgetKeys, line_id: str) -> None:
        for start in range(0, len(slots), _BATCH):
            batch = slots[start : start + _BATCH]
            self._redis.zadd(building.slots(line_id), {slot.message_id: slot.at_ms for slot in batch})
            self._redis.hset(building.held(line_id), mapping={slot.message_id: held_text(slot) for slot in batch})
        if slots:
            self._redis.pexpire(building.slots(line_id), _UNFINISHED_KEPT)
            self._redis.pexpire(building.held(line_id), _UNFINISHED_KEPT)

    def _write_line_day(self, records: Records, building: BudgetKeys, place: tuple[str, str], begins: datetime) -> None:
        messages, conversations = records.line_days[place], records.conversations[place]
        if not messages and not conversations:
            return
        fields = {"m": messages, "c": len(conversations)}
        fields |= {f"n|{recipient}": count for recipient, count in conversations.items()}
        key = building.line_day(*place)
        self._redis.hset(key, mapping={name: str(count) for name, count in fields.items()})
        self._redis.pexpireat(key, to_ms(begins + _DAYS_KEPT))

    def _write_recipients(self, slots: Iterable[Slot], keys: BudgetKeys, gap: timedelta) -> None:
        """Straight into their places: what is added there twice is there once."""
        by_recipient: dict[str, dict[str, int]] = defaultdict(dict)
        for slot in slots:
            by_recipient[slot.recipient_key][slot.message_id] = slot.at_ms
        recipients = list(by_recipient.items())
        for start in range(0, len(recipients), _BATCH):
            pipeline = self._redis.pipeline(transaction=False)
            for recipient, moments in recipients[start : start + _BATCH]:
                key = keys.recipient(recipient)
                pipeline.zadd(key, moments)
                pipeline.pexpireat(key, max(moments.values()) + (gap + _DAYS_KEPT) // timedelta(milliseconds=1))
            pipeline.execute()


def held_text(slot: Slot) -> str:
    """A slot as the key ``held`` has it; see ``reserve.lua``."""
    new = "1" if slot.starts_conversation else "0"
    return f"{slot.at_ms}|{slot.line_day}|{slot.workspace_day}|{new}|{slot.recipient_key}"


def _days(first: date) -> list[str]:
    return [(first + timedelta(days=offset)).isoformat() for offset in range(DAYS)]
