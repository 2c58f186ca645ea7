"""The safeguards that can be taken out, each by a patch that only lives here: our programs have no switch."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from libs.common.broker import scripts, settlement
from libs.common.broker.held_job import HeldJob
from libs.common.broker.outcome import RetryLater
from libs.common.ledger import reconciler as ledger_reconciler
from libs.common.stores import messages, schedules, ticks
from services.messaging import reconciling
from services.messaging.reconciliation import Decision, SendAgain
from services.scheduler import emitter

ASK_BEFORE_SENDING_AGAIN = "ask before sending again"
"""A message that is marked as dispatched is looked for at its provider before it is sent again."""
MARK_BEFORE_THE_CALL = "mark before the call"
"""A message is marked as dispatched before its provider is called."""
LEDGER_RECONCILER = "ledger reconciler"
"""Accepted jobs that Redis does not know are enqueued again."""
DEAD_WORKERS_JOBS = "dead workers' jobs"
"""Jobs of a worker that fell silent are given to another."""
FENCING = "fencing"
"""What a worker says of a job whose lease it has lost does not count."""
ATOMIC_RETRY = "atomic retry"
"""Failed and to be tried again is one step."""
POISON_COUNT = "poison count"
"""A job whose worker dies under it three times is given up."""
UNIQUE_TICK = "unique tick"
"""Of several schedulers, one decision on a tick counts, and a tick has one job."""

_BETWEEN_TWO_STEPS_S = 2.0


def _send_again_unasked() -> None:
    async def decide(_self: object, _attempt: object, _line: object) -> Decision:
        return SendAgain()

    vars(reconciling)["Reconciler"]._decide = decide


def _mark_nothing() -> None:
    """An attempt goes on as if it had marked its message; MongoDB does not learn of it."""
    store = vars(messages)["MessageStore"]
    change = store._change

    def change_but_the_mark(self: object, wanted: object, *, set_: Mapping[str, object], **more: object) -> object:
        kept = {name: value for name, value in set_.items() if name not in ("dispatchedAt", "dispatchedBy")}
        return change(self, wanted, set_=kept, **more)

    store._change = change_but_the_mark


def _reconcile_nothing() -> None:
    def run_once(_self: object, **_how: object) -> ledger_reconciler.Report:
        return ledger_reconciler.Report(complete=True)

    vars(ledger_reconciler)["Reconciler"].run_once = run_once


def _retry_in_two_steps() -> None:
    """Forget the job, and a moment later add it again, as brokers do that know no single step for it."""
    settler = vars(settlement)["Settler"]
    settle = settler.settle

    def settle_in_two_steps(self: Any, jobs: Sequence[HeldJob]) -> list[str]:
        again = [job for job in jobs if isinstance(job.outcome, RetryLater)]
        lost: list[str] = settle(self, [job for job in jobs if job not in again])
        for job in again:
            keys, redis = self._scripts.keys, self._scripts.redis
            record = redis.hget(keys["jobs"], job.job_id)
            lost += [job_id.decode() for job_id in self._scripts.run("complete", job.job_id, job.fence)]
            time.sleep(_BETWEEN_TWO_STEPS_S)
            redis.hset(keys["jobs"], job.job_id, record)
            redis.zadd(keys["delayed"], {job.job_id: 0})
        return lost

    settler.settle = settle_in_two_steps


def _decide_ticks_anew() -> None:
    """Every scheduler decides for itself, forgets what was decided, and gives each tick a job of its own."""
    vars(ticks)["_key"] = lambda row: f"{row.schedule}@{row.tick.isoformat()}/{row.decided_by}"
    vars(ticks)["TickStore"].last_decided = lambda _self, _schedule: None
    vars(schedules)["ScheduleStore"].decided = lambda _self, _name, _tick: None
    vars(emitter)["tick_job_id"] = lambda _schedule, _tick: secrets.token_hex(12)
    make = vars(emitter)["entry_from"]
    vars(emitter)["entry_from"] = lambda *what, **how: msgspec.structs.replace(make(*what, **how), unique_key=None)


def _in_script(file: str, text: str, without: str) -> Callable[[], None]:
    def remove() -> None:
        read = scripts._read.__wrapped__

        def patched(path: str) -> str:
            found = read(path)
            if path != file:
                return found
            if text not in found:
                raise LookupError(f"{file} does not hold {text!r}")
            return found.replace(text, without)

        vars(scripts)["_read"] = patched
        scripts.script.cache_clear()

    return remove


REMOVALS: Mapping[str, Callable[[], None]] = {
    ASK_BEFORE_SENDING_AGAIN: _send_again_unasked,
    MARK_BEFORE_THE_CALL: _mark_nothing,
    LEDGER_RECONCILER: _reconcile_nothing,
    DEAD_WORKERS_JOBS: _in_script("fetch", "recover(now, 20)", ""),
    FENCING: _in_script(
        "shared/holds", "lease and string.sub(lease, 1, #fence + 1) == fence .. ':'", "true or lease == fence"
    ),
    ATOMIC_RETRY: _retry_in_two_steps,
    POISON_COUNT: _in_script("shared/recover", "stalls >= LEASES_LOST_AT_MOST", "false"),
    UNIQUE_TICK: _decide_ticks_anew,
}
"""What takes each of them out of the process that calls it."""
