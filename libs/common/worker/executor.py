"""What runs jobs, as far as the queue's runner is concerned."""

from collections.abc import Callable, Sequence
from typing import Protocol

from libs.common.broker.held_job import HeldJob

Done = Callable[[HeldJob], None]
"""Told of each job whose outcome is decided; called in the thread that ran it."""


class Executor(Protocol):
    """Runs jobs."""

    def room(self) -> int:
        """How many more jobs it may be given now."""
        ...

    def start(self, jobs: Sequence[HeldJob]) -> None:
        """Runs these jobs as soon as it can."""
        ...

    def stop_job(self, job: HeldJob) -> None:
        """Interrupts a running job: a coroutine at its next await; a function at its next bytecode, but not where a
        person cancelled it: a function is asked to stop, and looks when it suits it.
        """
        ...

    def unstarted(self, *, waited_s: float) -> list[HeldJob]:
        """Takes away the jobs that have not begun, if none has begun for so long; they are handed back."""
        ...

    def look_after(self) -> float:
        """Interrupts functions that have run too long, and wakes threads for jobs that wait.

        Returns:
            the seconds until it should be called again at the latest.
        """
        ...

    def close(self) -> None:
        """Ends its threads; jobs still running are abandoned."""
        ...
