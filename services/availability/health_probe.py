"""One look at a line: does its server answer, is iMessage signed in and able, can it answer about an address."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from libs.common.clock import Clock
from libs.common.providers.checking import AvailabilityChecker
from libs.common.providers.errors import FaultReason, LineFault
from libs.common.stores.lines import Line
from services.availability.health_rules import Look

_TRIES: Final = 2
_PAUSE: Final = timedelta(seconds=1)

MakeChecker = Callable[[Line], AvailabilityChecker]
"""Makes what asks a line; raises LineFault where it cannot be asked."""


class Probe:
    """Looks at lines.

    Args:
        make_checker: makes what asks a line.
        clock: tells when a look was.
        deadline: how long a look may take in all.
        monotonic: tells the time in seconds.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        make_checker: MakeChecker,
        *,
        clock: Clock,
        deadline: timedelta,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._make_checker = make_checker
        self._clock = clock
        self._deadline_s = deadline.total_seconds()
        self._monotonic = monotonic
        self._sleep = sleep

    async def look(self, line: Line) -> Look:
        """What the line shows; a fault is tried once more, because one lost packet is no outage."""
        try:
            async with asyncio.timeout(self._deadline_s):
                look = await self._look_once(line)
                for _ in range(_TRIES - 1):
                    if look.is_good:
                        break
                    await self._sleep(_PAUSE.total_seconds())
                    look = await self._look_once(line)
                return look
        except TimeoutError:
            return Look(at=self._clock.now(), reason=FaultReason.TIMEOUT.value)

    async def _look_once(self, line: Line) -> Look:
        began = self._monotonic()
        try:
            checker = self._make_checker(line)
            report = await checker.report()
            latency_ms = int((self._monotonic() - began) * 1000)
            problem = report.problem if not report.able else await self._problem_of_asking(checker, line)
        except LineFault as fault:
            return Look(at=self._clock.now(), reason=fault.reason.value)
        return Look(at=self._clock.now(), latency_ms=latency_ms, reason=problem, version=report.version)

    async def _problem_of_asking(self, checker: AvailabilityChecker, line: Line) -> str | None:
        """What is wrong where the line cannot answer about an address: its own, which costs nobody anything.

        What it answers does not matter: an Apple account need not have the number that the line goes by.
        """
        if not line.address:
            return None
        try:
            await checker.check(line.address)
        except LineFault as fault:
            return None if fault.reason is FaultReason.UNSUPPORTED else fault.reason.value
        return None
