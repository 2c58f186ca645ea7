"""Faults of the provider: connections reset, answers lost, calls that hang, errors that lie."""

from tests.chaos.fault import Fault, Run

_KINDS = ("answer_lost", "error_delivered", "error_undelivered", "reset", "hang_after_delivery")
_EACH = 4


def break_answers(run: Run) -> None:
    """Let sends go wrong in every way that leaves open whether the message went out."""
    for kind in _KINDS:
        run.world.tell_simulator("/faults", {"fault": kind, "endpoint": "chat/new", "count": _EACH})
        run.world.note(f"{_EACH} sends: {kind}")


def _all_met(run: Run) -> bool:
    faults = run.world.ask_simulator("/faults")["faults"]
    return bool(faults) and not any(fault["left"] for fault in faults)


FAULTS = (
    Fault(
        number=19,
        name="the provider resets, hangs, truncates and lies",
        injure=break_answers,
        evidence=_all_met,
    ),
)
