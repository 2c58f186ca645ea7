"""The safeguards that can be taken out, each by a patch that only lives here: our programs have no switch."""

from collections.abc import Callable, Mapping

from libs.common.broker import scripts
from libs.common.ledger import reconciler as ledger_reconciler
from services.messaging import reconciling
from services.messaging.reconciliation import Decision, SendAgain

ASK_BEFORE_SENDING_AGAIN = "ask before sending again"
"""A message that is marked as dispatched is looked for at its provider before it is sent again."""
LEDGER_RECONCILER = "ledger reconciler"
"""Accepted jobs that Redis does not know are enqueued again."""
DEAD_WORKERS_JOBS = "dead workers' jobs"
"""Jobs of a worker that fell silent are given to another."""
POISON_COUNT = "poison count"
"""A job whose worker dies under it three times is given up."""


def _send_again_unasked() -> None:
    async def decide(_self: object, _attempt: object, _line: object) -> Decision:
        return SendAgain()

    vars(reconciling)["Reconciler"]._decide = decide


def _reconcile_nothing() -> None:
    def run_once(_self: object, **_how: object) -> ledger_reconciler.Report:
        return ledger_reconciler.Report(complete=True)

    vars(ledger_reconciler)["Reconciler"].run_once = run_once


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
    LEDGER_RECONCILER: _reconcile_nothing,
    DEAD_WORKERS_JOBS: _in_script("fetch", "recover(now, 20)", ""),
    POISON_COUNT: _in_script("shared/recover", "stalls >= LEASES_LOST_AT_MOST", "false"),
}
"""What takes each of them out of the process that calls it."""
