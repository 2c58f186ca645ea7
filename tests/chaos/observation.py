"""Counting effects where they arrive: at the simulated lines and in MongoDB."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from libs.common.broker.keys import QueueKeys
from libs.common.jobs.health_check import HEALTH_CHECK
from libs.common.jobs.registry import contracts
from libs.common.jobs.scheduled_messages import SCHEDULED_MESSAGES
from libs.common.jobs.states import LedgerStatus
from libs.common.stores.collections import JOBS, LEADS, MESSAGES, TICKS
from libs.common.stores.ticks import TickOutcome
from tests.chaos.crm import CRM_WORKSPACE
from tests.chaos.ledger import Observed
from tests.chaos.owed import Accepted, Kind, Owed
from tests.chaos.world import World

_REFERENCE = "tuco-"
_SEND = "chat/new"
_AVAILABILITY = "handle/availability/imessage"
_SHOWN = 5
_ANSWERED = ("available", "unavailable")
_ENDED = ("sent", "delivered", "failed", "uncertain", "cancelled")


def observe(world: World, *, ticks_until: float) -> Observed:
    """Count what happened.

    Args:
        world: the installation.
        ticks_until: ticks for a later moment (seconds since 1970) are left out, because the run ends before they do.
    """
    happened: dict[Owed, list[float]] = {}
    for kind, name, at in _effects(world, ticks_until):
        happened.setdefault(Owed(kind, name), []).append(at)
    uncertain = world.database[MESSAGES].find({"status": "uncertain"}, {"_id": True})
    asked: Counter[str] = Counter(world.ask_simulator("/keys", endpoint=_AVAILABILITY)["keys"])
    sends = sum(world.ask_simulator("/keys", endpoint=_SEND)["keys"].values())
    return Observed(
        happened=happened,
        parked=frozenset(Owed(Kind.MESSAGE, str(message["_id"])) for message in uncertain),
        calls=asked.total() + sends,
        asked_again=sum(times - 1 for times in asked.values()),
        ended_twice=sum(_ended_twice(world, contract.queue) for contract in contracts().values()),
        until=time.time(),
    )


def promise_ticks(world: World, accepted: Accepted, *, until: float) -> None:
    """Write down which ticks the scheduler has decided to carry out.

    Args:
        world: the installation.
        accepted: where.
        until: ticks for a later moment (seconds since 1970) are left out.
    """
    carried_out = {"$in": [TickOutcome.FIRED.value, TickOutcome.LATE.value]}
    wanted = {"schedule": {"$in": _schedules(world)}, "outcome": carried_out, "tick": {"$lte": _moment(until)}}
    for row in world.database[TICKS].find(wanted):
        accepted.promise(Kind.TICK, [_tick_name(row["schedule"], row["tick"])], row["tick"].timestamp())


def unfinished(world: World, accepted: Accepted) -> int:
    """How many promised effects have neither happened nor been given up."""
    messages = {"_id": {"$in": _ids(accepted.names(Kind.MESSAGE))}, "status": {"$in": list(_ENDED)}}
    leads = {"_id": {"$in": _ids(accepted.names(Kind.LEAD))}, "availability.status": {"$exists": True}}
    contacts = {name for kind, name, _at in _contacts(world) if kind is Kind.CONTACT}
    ticks = {name for _kind, name, _at in _ticks(world, float("inf"), *LedgerStatus)} if _owes_ticks(accepted) else ()
    done = (
        world.database[MESSAGES].count_documents(messages)
        + world.database[LEADS].count_documents(leads)
        + len(contacts.intersection(accepted.names(Kind.CONTACT)))
        + len(set(ticks).intersection(accepted.names(Kind.TICK)))
    )
    return len(accepted.owed) - done


def doubtful(world: World, accepted: Accepted) -> list[str]:
    """What a test that fails shows: what happened twice, and what did not happen."""
    gone = world.deliveries()
    times = Counter(each["reference"] for each in gone)
    repeated = [f"{each['at']:.3f} {each['target']} {each}" for each in gone if times[each["reference"]] > 1]
    leads = {"availability.status": {"$nin": list(_ANSWERED)}, "_id": {"$in": _ids(accepted.names(Kind.LEAD))}}
    messages = {"status": {"$nin": ["sent", "delivered"]}}
    jobs = {"status": {"$ne": LedgerStatus.COMPLETED.value}, "jobType": {"$ne": "message-processing"}}
    found = [
        world.database[collection].find(wanted, {"data.leadIds": False}).limit(_SHOWN)
        for collection, wanted in ((LEADS, leads), (MESSAGES, messages), (JOBS, jobs))
    ]
    return repeated + [str(each) for several in found for each in several]


def _effects(world: World, ticks_until: float) -> Iterator[tuple[Kind, str, float]]:
    for each in world.deliveries():
        yield Kind.MESSAGE, each["reference"].removeprefix(_REFERENCE), each["at"]
    answered = {"availability.status": {"$in": list(_ANSWERED)}}
    for lead in world.database[LEADS].find(answered, {"availability.checkedAt": True}):
        yield Kind.LEAD, str(lead["_id"]), lead["availability"]["checkedAt"].timestamp()
    yield from _contacts(world)
    yield from _ticks(world, ticks_until, LedgerStatus.COMPLETED)


def _contacts(world: World) -> Iterator[tuple[Kind, str, float]]:
    if world.has_crm:
        for lead in world.database[LEADS].find({"workspaceId": CRM_WORKSPACE}, {"source": True, "createdAt": True}):
            yield Kind.CONTACT, lead["source"]["externalId"], lead["createdAt"].timestamp()


def _ticks(world: World, until: float, *statuses: LedgerStatus) -> Iterator[tuple[Kind, str, float]]:
    """The ticks' jobs that have ended with one of these statuses."""
    ended = {"$in": [status.value for status in statuses]}
    wanted = {"jobType": {"$in": _schedules(world)}, "status": ended, "finishedAt": {"$exists": True}}
    for job in world.database[JOBS].find(wanted, {"data": True, "jobType": True, "finishedAt": True}):
        tick = datetime.fromisoformat(job["data"]["tick"])
        if tick.timestamp() <= until:
            yield Kind.TICK, _tick_name(job["jobType"], tick), job["finishedAt"].timestamp()


def _owes_ticks(accepted: Accepted) -> bool:
    return bool(accepted.names(Kind.TICK))


def _schedules(world: World) -> list[str]:
    """Which schedules have a worker here; a schedule has the name of its job type."""
    return [SCHEDULED_MESSAGES.job_type, *([HEALTH_CHECK.job_type] if world.has_crm else [])]


def _tick_name(schedule: str, tick: datetime) -> str:
    return f"{schedule}@{tick.astimezone(UTC).isoformat()}"


def _ended_twice(world: World, queue: str) -> int:
    """How many jobs the queue's stream of events calls completed more than once; it holds the last thousand events."""
    entries: Sequence[Any] = world.redis.xrange(QueueKeys(queue)["events"].decode())
    completed = Counter(
        job_id
        for _entry_id, fields in entries
        if fields[b"event"] == b"completed"
        for job_id in fields[b"ids"].split(b",")
        if job_id
    )
    return sum(times > 1 for times in completed.values())


def _ids(names: Sequence[str]) -> list[ObjectId]:
    return [ObjectId(name) for name in names]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
