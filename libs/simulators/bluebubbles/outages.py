"""Taking a line off the network and back: refused connections, and crashes that last a while."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from libs.simulators.bluebubbles.line import Line

SHORTEST_CRASH_S = 0.2


class Outages:
    """Keeps track of what is down and when it comes back."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    async def take_down(self, line: Line, *, seconds: float = 0.0) -> None:
        """Refuse connections to a line and reset those there are.

        Args:
            line: which.
            seconds: how long; 0 until :meth:`bring_up`.
        """
        await line.endpoint.close()
        if seconds > 0:
            self._keep(self._return_after(line, seconds))

    async def bring_up(self, line: Line) -> None:
        """Accept connections again, at the same address."""
        await line.endpoint.open()

    def crash(self, line: Line, *, seconds: float) -> None:
        """Let a line's server die now, with everything it has in hand, and start again a little later."""
        self._keep(self.take_down(line, seconds=max(seconds, SHORTEST_CRASH_S)))

    async def stop(self) -> None:
        """Forget all planned returns."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _return_after(self, line: Line, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await line.endpoint.open()

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work on its own, and hold on to it: the event loop keeps no strong reference to a task."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
