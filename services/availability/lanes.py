"""Puts questions to one line: so many at once at most, each at its moment, in the order in which they came.

Questions of all runs of a process meet here. A lane is a task that asks one question after the other; there are as many
as are needed, up to the limit, and none while nothing is to be asked. No task and no future is made per question.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from libs.common.logging import get_logger
from libs.common.providers.checking import AvailabilityAnswer, AvailabilityChecker
from libs.common.providers.errors import FaultReason, LineFault
from libs.common.tracing import switch
from services.availability.circuit import Circuit

log = get_logger(__name__)

_LATEST_S = 0.03
"""How late a question may still be asked, or by one interval where that is longer. Later than that its moment is given
up: questions that piled up behind a slow server or a busy machine would come in a burst with those of other workers."""

_UNPACED_S = 0.001
"""Moments closer together than this cannot be kept one by one; there they are kept by and large."""


class NotAsked(Enum):
    """Why a question came back without having been asked."""

    TOO_LATE = "too_late"
    SET_ASIDE = "set_aside"


Result = AvailabilityAnswer | LineFault | NotAsked


class Inbox:
    """Where the results of a caller's questions arrive.

    The caller is woken when there are enough results, or when nothing is under way any more.

    Args:
        enough: so many results are worth waking for.
    """

    def __init__(self, *, enough: int) -> None:
        self._enough = enough
        self._results: list[tuple[Question, Result]] = []
        self._wake = asyncio.Event()
        self.under_way = 0
        self.closed = False

    def put(self, question: "Question", result: Result) -> None:
        """A result arrives."""
        if self.closed:
            return
        self._results.append((question, result))
        self.under_way -= 1
        if not self.under_way or len(self._results) >= self._enough:
            self._wake.set()

    def close(self) -> None:
        """Nobody waits any more: questions not yet asked are dropped, results of the others too."""
        self.closed = True

    def drain(self) -> list[tuple["Question", Result]]:
        """The results that have arrived and were not taken."""
        taken, self._results = self._results, []
        return taken

    async def take(self, *, within_s: float) -> list[tuple["Question", Result]]:
        """The results so far: as soon as there are enough, or after this time."""
        if self.under_way and len(self._results) < self._enough:
            self._wake.clear()
            try:
                async with asyncio.timeout(within_s):
                    await self._wake.wait()
            except TimeoutError:
                # What there is by now is taken.
                pass
        return self.drain()


@dataclass(slots=True, eq=False)
class Question:
    """A handle to ask a line about.

    Args:
        handle: in its normal form.
        line_id: the line.
        inbox: where the result goes.
        at_s: the moment reserved for it, on the event loop's clock.
        interval_s: the line's pause between two questions.
        trace: what it belongs to where traces are made; lanes are shared.
    """

    handle: str
    line_id: str
    inbox: Inbox
    at_s: float
    interval_s: float
    trace: object = None


class Lanes:
    """The lanes of one line in this process.

    Args:
        line_id: the line.
        checker: asks it.
        circuit: judges it.
        at_once: how many questions may be on their way.
        clock_s: the event loop's clock.
    """

    def __init__(
        self,
        line_id: str,
        checker: AvailabilityChecker,
        circuit: Circuit,
        *,
        at_once: int,
        clock_s: Callable[[], float],
    ) -> None:
        self._line_id = line_id
        self._checker = checker
        self._circuit = circuit
        self._at_once = at_once
        self._clock_s = clock_s
        self._waiting: deque[Question] = deque()
        self._lanes: set[asyncio.Task[None]] = set()
        self._open_lanes = 0
        self._asking = 0
        self._turn = asyncio.Lock()
        self._next_s = 0.0

    @property
    def queued(self) -> int:
        """Questions given to this line that are not answered."""
        return len(self._waiting) + self._asking

    def put(self, question: Question) -> None:
        """Takes a question; its result goes to its inbox."""
        question.inbox.under_way += 1
        self._waiting.append(question)
        if self._open_lanes < min(self._at_once, self.queued):
            # Counted apart from the tasks: a lane that has found nothing to do is not yet gone from them.
            self._open_lanes += 1
            lane = asyncio.get_running_loop().create_task(self._lane())
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)

    async def _lane(self) -> None:
        try:
            while self._waiting:
                await self._deal_with(self._waiting.popleft())
        finally:
            self._open_lanes -= 1

    async def _deal_with(self, question: Question) -> None:
        if question.inbox.closed:
            return
        self._asking += 1
        try:
            refusal = await self._wait_for_its_moment(question)
            if refusal is not None:
                question.inbox.put(question, refusal)
            elif not question.inbox.closed:
                question.inbox.put(question, await self._ask_traced(question))
        finally:
            self._asking -= 1

    async def _wait_for_its_moment(self, question: Question) -> NotAsked | None:
        if question.interval_s < _UNPACED_S:
            await self._sleep_until(question.at_s)
        else:
            async with self._turn:
                start_s = max(question.at_s, self._next_s)
                late_s = max(start_s, self._clock_s()) - question.at_s
                if late_s > max(_LATEST_S, question.interval_s):
                    return NotAsked.TOO_LATE
                await self._sleep_until(start_s)
                self._next_s = self._clock_s() + question.interval_s
        return None if self._circuit.allows(self._clock_s()) else NotAsked.SET_ASIDE

    async def _sleep_until(self, moment_s: float) -> None:
        wait_s = moment_s - self._clock_s()
        if wait_s >= _UNPACED_S:
            await asyncio.sleep(wait_s)

    async def _ask_traced(self, question: Question) -> Result:
        if switch.tracing is None or question.trace is None:
            return await self._ask(question.handle)
        with switch.tracing.resumed(question.trace):
            return await self._ask(question.handle)

    async def _ask(self, handle: str) -> Result:
        try:
            answer = await self._checker.check(handle)
        except LineFault as fault:
            now_s = self._clock_s()
            if self._circuit.failed(fault, now_s):
                self._set_aside(fault, self._circuit.closed_in(now_s))
            return fault
        except Exception:
            # Whoever waits for the result must get one, whatever an adapter does wrong.
            log.exception("line.check_broke", line_id=self._line_id)
            return LineFault(FaultReason.NOT_UNDERSTOOD)
        self._circuit.succeeded()
        return answer

    def _set_aside(self, fault: LineFault, pause_s: float) -> None:
        """Gives back at once what waits, so that other lines can be asked."""
        log.warning("line.set_aside", line_id=self._line_id, reason=fault.reason, pause_s=round(pause_s, 1))
        waiting, self._waiting = self._waiting, deque()
        for question in waiting:
            question.inbox.put(question, NotAsked.SET_ASIDE)
