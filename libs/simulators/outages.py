"""Taking an address off the network and back: refused connections, and crashes that last a while."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from libs.simulators.server import Endpoint

SHORTEST_CRASH_S = 0.2


class Outages:
    """Keeps track of what is down and when it comes back."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    async def take_down(self, endpoint: Endpoint, *, seconds: float = 0.0) -> None:
        """Refuse connections to an address and reset those there are.

        Args:
            endpoint: which.
            seconds: how long; 0 until :meth:`bring_up`.
        """
        await endpoint.close()
        if seconds > 0:
            self._keep(self._return_after(endpoint, seconds))

    async def bring_up(self, endpoint: Endpoint) -> None:
        """Accept connections again, at the same address."""
        await endpoint.open()

    def crash(self, endpoint: Endpoint, *, seconds: float) -> None:
        """Let a server die now, with everything it has in hand, and start again a little later."""
        self._keep(self.take_down(endpoint, seconds=max(seconds, SHORTEST_CRASH_S)))

    async def stop(self) -> None:
        """Forget all planned returns."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _return_after(self, endpoint: Endpoint, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await endpoint.open()

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work on its own, and hold on to it: the event loop keeps no strong reference to a task."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
