"""Checks a set of leads: reads them, asks about their handles, stores the answers as they come.

The same code serves a chunk of a run and a request that is answered at once. Nothing is held that is not stored within
a second, and what is stored is not asked again, so a crash costs the questions under way and no more.
"""

import time
from collections.abc import Callable

from services.availability.line_pool import LinePool
from services.availability.outbox import Leads, Outbox
from services.availability.pacing import KeepsPace
from services.availability.questions import Questions
from services.availability.request import CheckRules, Report, Request
from services.availability.worklist import Worklist


class Checker:
    """Checks leads.

    Args:
        leads: reads them and stores answers.
        lines: the lines to ask.
        pacer: keeps the lines' rates.
        rules: how to go about it.
        clock_s: the event loop's clock.
    """

    def __init__(
        self,
        leads: Leads,
        lines: LinePool,
        pacer: KeepsPace,
        rules: CheckRules,
        *,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._leads = leads
        self._lines = lines
        self._pacer = pacer
        self._rules = rules
        self._clock_s = clock_s

    async def check(self, request: Request) -> Report:
        """Checks the leads of the request that are not answered for its run.

        Raises:
            StoreUnavailable: MongoDB or Redis is away. What was answered by then is stored if it can be.
        """
        contacts = await self._leads.contacts(request.workspace_id, request.lead_ids, request.run_id)
        worklist = Worklist(contacts, region=self._rules.region)
        report = Report(answers=list(worklist.answered_before))
        outbox = Outbox(self._leads, request, report, self._rules.slice_size, self._clock_s)
        try:
            if not worklist.done:
                desks = await self._lines.of_workspace(request.workspace_id)
                questions = Questions(request, worklist, desks, self._pacer, self._rules, self._clock_s)
                await questions.ask(outbox, report)
        finally:
            outbox.add(worklist.take_finished())
            await outbox.store_all()
        return report
