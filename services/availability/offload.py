"""The lead and line stores for coroutines: their blocking calls run in threads of their own."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from bson import ObjectId

from libs.common.stores.leads import LeadAnswer, LeadContact, LeadStore
from libs.common.tracing.switch import bound

P = ParamSpec("P")
T = TypeVar("T")


class Offload:
    """Runs blocking calls in threads that nothing else uses, so that a slow store holds up no other part.

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


class OffloadedLeads:
    """A :class:`services.availability.outbox.Leads`.

    Args:
        store: the leads.
        offload: where its calls run.
    """

    def __init__(self, store: LeadStore, offload: Offload) -> None:
        self._store = store
        self._offload = offload

    async def contacts(self, workspace_id: str, lead_ids: Sequence[ObjectId], run_id: str) -> list[LeadContact]:
        """See :meth:`libs.common.stores.leads.LeadStore.contacts`."""
        return await self._offload.run(self._store.contacts, workspace_id, lead_ids, run_id=run_id)

    async def store_answers(self, workspace_id: str, answers: Sequence[LeadAnswer], run_id: str) -> None:
        """See :meth:`libs.common.stores.leads.LeadStore.store_answers`."""
        await self._offload.run(self._store.store_answers, workspace_id, answers, run_id=run_id)
