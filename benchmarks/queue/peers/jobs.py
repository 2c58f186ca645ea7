"""What jobs do, for every peer that is written in Python."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from benchmarks.queue.peers.peer import JobKind
from benchmarks.queue.tally import Tally

HELD_S = 3_600
"""How long a job of the kind ``hold`` would run if nobody killed its worker."""

_SLEEP_S = 0.02


def plain_job(kind: JobKind, tally: Tally) -> Callable[[int], None]:
    """A function that is given the time at which its job was sent, where it was noted."""

    def count(_sent_us: int) -> None:
        tally.ran()

    def sleep(_sent_us: int) -> None:
        time.sleep(_SLEEP_S)
        tally.ran()

    def ping(sent_us: int) -> None:
        tally.pinged(sent_us)

    def hold(_sent_us: int) -> None:
        tally.started()
        time.sleep(HELD_S)

    return {JobKind.COUNT: count, JobKind.SLEEP: sleep, JobKind.PING: ping, JobKind.HOLD: hold}[kind]


def sleeping_job(tally: Tally) -> Callable[[], Awaitable[None]]:
    """The job of the kind ``sleep`` as a coroutine function."""

    async def sleep() -> None:
        await asyncio.sleep(_SLEEP_S)
        tally.ran()

    return sleep
