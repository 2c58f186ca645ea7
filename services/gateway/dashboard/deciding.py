"""Carrying out a person's decision about jobs, and saying what became of it."""

from collections.abc import Mapping, Sequence
from typing import Final

from libs.common.logging import get_logger
from services.gateway.dashboard.access import current_session
from services.gateway.dashboard.jobs import Action, Jobs
from services.gateway.dashboard.words import some

log = get_logger(__name__)

MOST_AT_ONCE: Final = 1_000
"""How many jobs one click is for; who has more clicks again, and sees in between what happens."""

_DONE: Final = {
    Action.RETRY: ("runs again", "run again"),
    Action.REMOVE: ("is removed", "are removed"),
    Action.CANCEL: ("is cancelled or asked to stop", "are cancelled or asked to stop"),
    Action.PROMOTE: ("runs now", "run now"),
}


def who() -> str:
    """Who decides, for the log: a session's name, or that a token was shown."""
    session = current_session()
    return session.name if session else "token"


def decide_about(jobs: Jobs, action: Action, chosen: Mapping[str, Sequence[str]]) -> str:
    """Carries out a decision and tells in a sentence what became of it.

    Args:
        jobs: every queue's jobs.
        action: what is decided.
        chosen: the jobs' ids by their queue.
    """
    done, passed = 0, 0
    for queue, job_ids in chosen.items():
        answer = jobs.act(action, queue, job_ids)
        done += answer.done
        passed += answer.passed
        log.info("jobs.decided", action=action.value, queue=queue, done=answer.done, passed=answer.passed, by=who())
    told = f"{some(done, 'job')} {_DONE[action][done != 1]}."
    if passed:
        told += f" {some(passed, 'job was', 'jobs were')} not in a state for it any more."
    return told
