"""Blocking calls for coroutines: they run in threads of their own, so that a slow store holds up nothing else."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from libs.common.tracing.switch import bound

P = ParamSpec("P")
T = TypeVar("T")


class Offload:
    """Runs blocking calls in threads that nothing else uses.

    Args:
        threads: how many calls at once.
    """

    def __init__(self, *, threads: int) -> None:
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="store")

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the function returns, or raises."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, bound(partial(function, *args, **kwargs)))

    def close(self) -> None:
        """Waits for the calls under way and ends the threads."""
        self._pool.shutdown(cancel_futures=True)
