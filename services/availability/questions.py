"""The questions of one check: which are under way, which wait for a moment, and which nobody could answer.

A question that a line could not answer is put to another one. It is left open when no line is left, and when the
lines' rates have no moment for it soon.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

from libs.common.providers.errors import FaultReason, LineFault
from libs.common.tracing import switch
from services.availability.lanes import Inbox, NotAsked, Question, Result
from services.availability.line_choice import LineLoad, share_out
from services.availability.line_pool import Desk
from services.availability.outbox import Outbox
from services.availability.outcomes import LINES_BUSY, NO_LINE
from services.availability.pacing import KeepsPace, Reserved, Wanted
from services.availability.request import CheckRules, Report, Request
from services.availability.worklist import Worklist

_BETWEEN_LOOKS_S = 0.5
_ENOUGH_RESULTS = 32
_SOONEST_BACK_S = 0.2


class Questions:
    """The questions of one check.

    Args:
        request: what is checked.
        worklist: says what to ask, and learns the answers.
        desks: the lines to ask.
        pacer: keeps their rates.
        rules: how to go about it.
        clock_s: the event loop's clock.
    """

    def __init__(
        self,
        request: Request,
        worklist: Worklist,
        desks: Sequence[Desk],
        pacer: KeepsPace,
        rules: CheckRules,
        clock_s: Callable[[], float],
    ) -> None:
        self._request = request
        self._worklist = worklist
        self._desks = desks
        self._pacer = pacer
        self._rules = rules
        self._clock_s = clock_s
        self._inbox = Inbox(enough=max(1, min(_ENOUGH_RESULTS, len(request.lead_ids) // 2)))
        self._open: list[str] = []
        self._without_moment: list[str] = []
        self._faults: dict[str, dict[str, LineFault]] = {}
        self._stuck: list[str] = []

    async def ask(self, outbox: Outbox, report: Report) -> None:
        """Asks until every lead is answered, or what is left can only be answered later."""
        begun_s = booked_s = self._clock_s()
        try:
            while True:
                self._open += self._worklist.take_to_ask()
                now_s = self._clock_s()
                if not self._inbox.under_way or now_s - booked_s >= _BETWEEN_LOOKS_S:
                    booked_s = now_s
                    await self._book(wait_on=now_s - begun_s < self._rules.longest_hold_s)
                if not self._inbox.under_way:
                    break
                self._read(await self._inbox.take(within_s=_BETWEEN_LOOKS_S), report)
                outbox.add(self._worklist.take_finished())
                await outbox.store_what_is_due()
        finally:
            self._inbox.close()
            self._read(self._inbox.drain(), report)
        await self._leave_the_rest(report)

    def _read(self, results: Sequence[tuple[Question, Result]], report: Report) -> None:
        for question, result in results:
            if isinstance(result, NotAsked):
                self._without_moment.append(question.handle)
                continue
            report.calls += 1
            if isinstance(result, LineFault):
                self._faults.setdefault(question.handle, {})[question.line_id] = result
                self._open.append(question.handle)
            else:
                self._worklist.answered(question.handle, question.line_id, result)

    async def _book(self, *, wait_on: bool) -> None:
        """Gives questions to lines that have room for them.

        Args:
            wait_on: whether those that got no moment before are tried again.
        """
        handles_to_place, self._open = self._open, []
        if wait_on:
            handles_to_place += self._without_moment
            self._without_moment = []
        by_lines: dict[frozenset[str], list[str]] = {}
        for handle in handles_to_place:
            by_lines.setdefault(frozenset(self._faults.get(handle, ())), []).append(handle)
        for tried, handles in by_lines.items():
            now_s = self._clock_s()
            desks = [desk for desk in self._desks if desk.line.line_id not in tried and desk.circuit.allows(now_s)]
            if desks:
                self._without_moment += await self._place(handles, desks)
            else:
                self._stuck += handles

    async def _place(self, handles: list[str], desks: Sequence[Desk]) -> list[str]:
        """Puts handles to these lines as far as their rates allow; answers those that are left."""
        while handles and desks:
            loads = [LineLoad(rate=desk.rate, queued=desk.lanes.queued) for desk in desks]
            shares = dict(zip(desks, share_out(len(handles), loads), strict=True))
            wanted = [
                Wanted(line_id=desk.line.line_id, moments=share, rate=desk.rate)
                for desk, share in shares.items()
                if share
            ]
            given = await self._pacer.reserve(wanted, horizon_s=self._rules.horizon_s)
            moments = {one.line_id: reserved for one, reserved in zip(wanted, given, strict=True)}
            now_s = self._clock_s()
            with_room = []
            for desk, share in shares.items():
                reserved = moments.get(desk.line.line_id)
                if reserved:
                    self._put(desk, [handles.pop() for _ in range(reserved.moments)], reserved, now_s)
                if reserved is None or reserved.moments == share:
                    with_room.append(desk)
            desks = with_room
        return handles

    def _put(self, desk: Desk, handles: Sequence[str], reserved: Reserved, now_s: float) -> None:
        at_s = now_s + reserved.first_in_s
        trace = switch.tracing.here() if switch.tracing is not None else None
        for handle in handles:
            desk.lanes.put(Question(handle, desk.line.line_id, self._inbox, at_s, reserved.interval_s, trace))
            at_s += reserved.interval_s

    async def _leave_the_rest(self, report: Report) -> None:
        """Decides what becomes of handles that got no moment, or no answer from any line."""
        now_s = self._clock_s()
        for handle in self._stuck:
            faults = self._faults_about(handle, now_s)
            reason = faults[-1].reason if faults else FaultReason.NOT_UNDERSTOOD
            if not self._desks:
                self._worklist.given_up(handle, NO_LINE)
            elif self._request.last_chance or all(fault.lasting for fault in faults):
                self._worklist.given_up(handle, reason.value)
            else:
                report.open_faults[reason.value] = report.open_faults.get(reason.value, 0) + 1
        if report.open_faults:
            report.retry_in = self._until_a_line_is_back(now_s)
        if self._without_moment and self._request.may_wait:
            back_in_s = await self._queue_up()
            report.back_in = timedelta(seconds=max(_SOONEST_BACK_S, back_in_s - self._rules.horizon_s / 2))
        else:
            for handle in self._without_moment:
                self._worklist.given_up(handle, LINES_BUSY)

    def _faults_about(self, handle: str, now_s: float) -> list[LineFault]:
        """Why no line answers about a handle: what set lines aside, and then what they said to this question."""
        aside = [desk.circuit.last_fault for desk in self._desks if not desk.circuit.allows(now_s)]
        return [fault for fault in aside if fault] + list(self._faults.get(handle, {}).values())

    def _until_a_line_is_back(self, now_s: float) -> timedelta | None:
        waits = [desk.circuit.closed_in(now_s) for desk in self._desks if not desk.circuit.allows(now_s)]
        return timedelta(seconds=min(waits)) if waits else None

    async def _queue_up(self) -> float:
        shares = share_out(len(self._without_moment), [LineLoad(rate=desk.rate) for desk in self._desks])
        return await self._pacer.queue_up(
            [
                Wanted(line_id=desk.line.line_id, moments=share, rate=desk.rate)
                for desk, share in zip(self._desks, shares, strict=True)
                if share
            ]
        )
