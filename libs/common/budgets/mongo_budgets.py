"""Budgets for when Redis is away: the same rule, on what MongoDB knows, one message of a workspace at a time.

A slot that is given here is kept in ``budgetSlots`` and raises the workspace's epoch, so that Redis, once it is back,
is filled anew and counts it.
"""

from datetime import datetime, timedelta
from random import uniform
from typing import Final

from pymongo.database import Database

from libs.common.budgets.contract import Granted, Later, LineBudget, Wish, WorkspaceBudget
from libs.common.budgets.openings import horizon_of, openings_of
from libs.common.budgets.records import RecordReader, Records, Slot
from libs.common.budgets.slots import Held, Pace, Placement, Usage, place
from libs.common.clock import Clock, from_ms, to_ms
from libs.common.messages.recipient import recipient_key
from libs.common.stores.collections import BUDGET_SLOTS
from libs.common.stores.locks import LockStore
from libs.common.stores.mongo import Document, mongo_errors
from libs.common.stores.workspace_limits import WorkspaceLimitStore

_DAYS: Final = 31
_LEASE: Final = timedelta(seconds=10)
_PATIENCE: Final = timedelta(seconds=10)


class MongoBudgets:
    """See :class:`~libs.common.budgets.contract.Budgets`.

    Args:
        database: with majority write concern and aware datetimes.
        records: what was sent and promised.
        limits: where the epoch is raised.
        clock: tells the time.
    """

    def __init__(
        self, database: Database[Document], records: RecordReader, limits: WorkspaceLimitStore, *, clock: Clock
    ) -> None:
        self._slots = database[BUDGET_SLOTS]
        self._locks = LockStore(database)
        self._records = records
        self._limits = limits
        self._clock = clock

    def reserve(self, workspace: WorkspaceBudget, wish: Wish) -> Granted | Later:
        """Whether a message may go now; if not, from when on."""
        with self._locks.held(f"budget/{workspace.workspace_id}", lease=_LEASE, patience=_PATIENCE):
            now = self._clock.now()
            placement = self._place(workspace, wish, now)
            if not placement.kept:
                self._store(workspace, wish, placement)
                self._limits.sent_past_redis(workspace.workspace_id)
        return _answer(placement, now)

    def still_reserved(self, workspace: WorkspaceBudget, wish: Wish) -> bool:
        """Whether a granted reservation still stands."""
        wanted = {"_id": wish.message_id, "workspaceId": workspace.workspace_id, "lineId": wish.line_id}
        with mongo_errors():
            return self._slots.find_one(wanted, {"_id": 1}) is not None

    def give_back(self, workspace_id: str, wish: Wish) -> None:
        """Undoes a reservation."""
        with mongo_errors():
            self._slots.delete_one({"_id": wish.message_id, "workspaceId": workspace_id, "lineId": wish.line_id})

    def loads(self, workspace: WorkspaceBudget) -> dict[str, float]:
        """By line id, the part of the line's day that is promised already."""
        now = self._clock.now()
        records = self._records.read(workspace, now=now)
        return {line.line_id: self._load(records, workspace, line, now) for line in workspace.lines}

    def _load(self, records: Records, workspace: WorkspaceBudget, line: LineBudget, now: datetime) -> float:
        today = next(iter(openings_of(line, workspace, now=now, days=2)), None)
        if today is None:
            return 0.0
        capacity = max(1, today.per_day) if today.per_day is not None else 1_000
        return records.line_days[line.line_id, today.line_day] / capacity

    def _place(self, workspace: WorkspaceBudget, wish: Wish, now: datetime) -> Placement:
        line = workspace.line(wish.line_id)
        even_ms = 60_000 / line.limits.per_minute if line.limits.per_minute else 0
        return place(
            now_ms=to_ms(now),
            is_new=wish.starts_conversation,
            openings=openings_of(line, workspace, now=now, days=_DAYS),
            horizon_ms=to_ms(horizon_of(line, now=now, days=_DAYS)),
            pace=Pace(
                per_minute=line.limits.per_minute,
                gap_ms=int(uniform(even_ms / 2, even_ms)),  # noqa: S311 - spreads sends, guards nothing
                recipient_gap_ms=workspace.recipient_gap // timedelta(milliseconds=1),
            ),
            usage=usage_for(self._records.read(workspace, now=now), workspace, wish),
        )

    def _store(self, workspace: WorkspaceBudget, wish: Wish, placement: Placement) -> None:
        if placement.opening is None:
            self.give_back(workspace.workspace_id, wish)
            return
        slot = {
            "workspaceId": workspace.workspace_id,
            "lineId": wish.line_id,
            "at": from_ms(placement.at_ms),
            "startsConversation": wish.starts_conversation,
            "recipientKey": recipient_key(workspace.workspace_id, wish.recipient),
        }
        with mongo_errors():
            self._slots.replace_one({"_id": wish.message_id}, slot, upsert=True)


def usage_for(records: Records, workspace: WorkspaceBudget, wish: Wish) -> Usage:
    """What was promised to others, as the rule of the next free slot wants to know it.

    Args:
        records: everything that was sent and promised.
        workspace: the workspace.
        wish: who asks; its own slot is left out and told apart.
    """
    line_id, recipient = wish.line_id, recipient_key(workspace.workspace_id, wish.recipient)
    own = next((slot for slot in records.slots[line_id] if slot.message_id == wish.message_id), None)
    line_days = {day: n for (line, day), n in records.line_days.items() if line == line_id}
    conversations = {day: dict(refs) for (line, day), refs in records.conversations.items() if line == line_id}
    workspace_days = dict(records.workspace_days)
    if own is not None:
        line_days[own.line_day] = line_days.get(own.line_day, 1) - 1
        workspace_days[own.workspace_day] = workspace_days.get(own.workspace_day, 1) - 1
        _take_out(conversations, own)
    others = [slot for slot in records.all_slots() if slot.message_id != wish.message_id]
    return Usage(
        slots_ms=sorted(slot.at_ms for slot in records.slots[line_id] if slot.message_id != wish.message_id),
        line_days=line_days,
        new_days={day: len(refs) for day, refs in conversations.items()},
        counted_days=frozenset(day for day, refs in conversations.items() if recipient in refs),
        workspace_days=workspace_days,
        recipient_last_ms=max((slot.at_ms for slot in others if slot.recipient_key == recipient), default=None),
        held=Held(at_ms=own.at_ms, line_day=own.line_day, workspace_day=own.workspace_day) if own else None,
    )


def _take_out(conversations: dict[str, dict[str, int]], own: Slot) -> None:
    refs = conversations.get(own.line_day, {})
    if own.starts_conversation and own.recipient_key in refs:
        refs[own.recipient_key] -= 1
        if refs[own.recipient_key] <= 0:
            del refs[own.recipient_key]


def _answer(placement: Placement, now: datetime) -> Granted | Later:
    if placement.at_ms <= to_ms(now):
        return Granted()
    promised = placement.kept or placement.opening is not None
    return Later(at=from_ms(placement.at_ms), reason=placement.reason, promised=promised)
