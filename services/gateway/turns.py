"""Long work in turns: step by step, each step's progress kept, so that another worker can go on from it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol, TypeVar

import msgspec

from libs.common.broker.actors import JobContext
from libs.common.clock import Clock
from libs.common.errors import JobCancelled, NotNow

LONGEST_TURN: Final = timedelta(minutes=4)
"""After so long a run lets go of its worker and goes on later, well within its time limit."""


class Progressing(Protocol):
    """How far a run is."""

    @property
    def has_ended(self) -> bool:
        """Whether there is nothing left."""
        ...


P = TypeVar("P", bound=Progressing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """Runs steps for as long as a turn may take.

    Args:
        clock: tells when to go on.
        monotonic: tells seconds.
        longest: how long a turn may take.
    """

    clock: Clock
    monotonic: Callable[[], float] = time.monotonic
    longest: timedelta = LONGEST_TURN

    async def run(self, begin: Callable[[], P], step: Callable[[P], P], job: JobContext) -> P:
        """The progress once there is nothing left.

        Args:
            begin: how far the run is; called in a thread.
            step: takes the run further; called in a thread. One that was done when its worker died is done again.
            job: keeps the progress.

        Raises:
            JobCancelled: a person has ended the run; what was done stays done.
            NotNow: the run has had its turn and goes on later.
        """
        progress = await asyncio.to_thread(begin)
        let_go_at = self.monotonic() + self.longest.total_seconds()
        while not progress.has_ended:
            progress = await asyncio.to_thread(step, progress)
            await job.set_progress(msgspec.to_builtins(progress))
            if job.cancelled():
                raise JobCancelled
            if self.monotonic() >= let_go_at and not progress.has_ended:
                raise NotNow(self.clock.now(), "others have their turn", came_further=True)
        return progress
