"""The lead store for coroutines: its blocking calls run in threads of their own."""

from collections.abc import Sequence

from bson import ObjectId

from libs.common.offload import Offload
from libs.common.stores.leads import LeadAnswer, LeadContact, LeadStore


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
