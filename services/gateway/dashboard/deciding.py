"""Carrying out a person's decision about jobs, and saying what became of it."""

from collections.abc import Sequence
from typing import Final

from libs.common.logging import get_logger
from services.gateway.dashboard.access import current_session
from services.gateway.dashboard.jobs import Action, Done, Jobs
from services.gateway.dashboard.words import some

log = get_logger(__name__)

MOST_AT_ONCE: Final = 1_000
"""How many chosen jobs one click is for."""
MOST_DEAD_AT_ONCE: Final = 10_000
"""How many dead letters one click is for; who has more clicks again, and sees in between what happens."""

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


def decide_about(jobs: Jobs, action: Action, queue: str, job_ids: Sequence[str]) -> str:
    """Carries out a decision about jobs of a queue, and tells in a sentence what became of it."""
    return _told(action, queue, jobs.act(action, queue, job_ids))


def decide_about_all_dead(jobs: Jobs, action: Action, queue: str) -> str:
    """Retries or removes a queue's dead letters, and tells in a sentence what became of it."""
    return _told(action, queue, jobs.act_on_all_dead(action, queue, most=MOST_DEAD_AT_ONCE))


def _told(action: Action, queue: str, answer: Done) -> str:
    log.info("jobs.decided", action=action.value, queue=queue, done=answer.done, passed=answer.passed, by=who())
    told = f"{some(answer.done, 'job')} {_DONE[action][answer.done != 1]}."
    if answer.passed:
        told += f" {some(answer.passed, 'job was', 'jobs were')} not in a state for it any more."
    return told + (" There are more: do it once more." if answer.more else "")
