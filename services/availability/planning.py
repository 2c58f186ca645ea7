"""Plans a run: reads its leads in batches and makes the chunk jobs for those that are not answered yet.

A plan made anew, after a crash or with Redis empty, gives the same chunks under the same ids: the split depends on the
leads alone, and chunks whose leads are all answered by then are left out.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bson import ObjectId

from libs.common.broker.enqueue import job_from
from libs.common.broker.model import NewJob
from libs.common.ids import derived_job_id
from libs.common.jobs.bulk_availability import AVAILABILITY_CHUNK, AvailabilityChunk
from libs.common.offload import Offload
from libs.common.stores.leads import AvailabilityStatus, LeadContact, LeadStore
from services.availability.outcomes import CHECKED
from services.availability.splitting import Splitter

BATCH = 2_000

_STATUSES = tuple(AvailabilityStatus)
_CODE_OF = {status: code for code, status in enumerate(_STATUSES, start=1)}
_OPEN = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What there is to do for a run.

    Args:
        run_id: the run.
        workspace_id: whose leads.
        lead_ids: all of the run, each once.
        found: how many of them are leads of the workspace.
        chunks: positions in ``lead_ids``, per chunk that has something to ask.
        counts: what is answered outside these chunks already, by outcome.
    """

    run_id: str
    workspace_id: str
    lead_ids: Sequence[str]
    found: int
    chunks: Sequence[Sequence[int]]
    counts: Counter[str] = field(default_factory=Counter)

    def jobs(self) -> Iterator[NewJob]:
        """The chunk jobs, one by one: there may be more than one would hold at once."""
        for chunk in self.chunks:
            ids = [self.lead_ids[position] for position in chunk]
            payload = AvailabilityChunk(run_id=self.run_id, lead_ids=ids, workspace_id=self.workspace_id)
            yield job_from(AVAILABILITY_CHUNK, payload, job_id=derived_job_id(self.run_id, *ids))


class Planner:
    """Makes plans.

    Args:
        leads: reads the leads.
        offload: where that runs, and the splitting.
        region: where national phone numbers are read.
        chunk_size: leads per chunk.
    """

    def __init__(self, leads: LeadStore, offload: Offload, *, region: str, chunk_size: int) -> None:
        self._leads = leads
        self._offload = offload
        self._region = region
        self._chunk_size = chunk_size

    async def plan(self, workspace_id: str, lead_ids: Sequence[str], *, run_id: str) -> Plan:
        """The plan of a run.

        Args:
            workspace_id: whose leads.
            lead_ids: 24 hexadecimal digits each; repeats and unknown ids are allowed.
            run_id: the run; its stored answers are not asked for again.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        ids = await self._offload.run(distinct, lead_ids)
        splitter = Splitter(region=self._region, chunk_size=self._chunk_size)
        codes = bytearray(len(ids))
        found = 0
        for start in range(0, len(ids), BATCH):
            found += await self._offload.run(
                self._read, splitter, codes, ids, start, workspace_id=workspace_id, run_id=run_id
            )
        chunks, counts = await self._offload.run(_open_chunks, splitter, codes)
        return Plan(run_id=run_id, workspace_id=workspace_id, lead_ids=ids, found=found, chunks=chunks, counts=counts)

    def _read(
        self, splitter: Splitter, codes: bytearray, ids: Sequence[str], start: int, *, workspace_id: str, run_id: str
    ) -> int:
        positions = {ObjectId(ids[i]): i for i in range(start, min(start + BATCH, len(ids)))}
        contacts = self._leads.contacts(workspace_id, list(positions), run_id=run_id)
        for lead in sorted(contacts, key=_lead_id):
            position = positions[lead.lead_id]
            splitter.add(position, lead.phone, lead.email)
            if lead.answer:
                codes[position] = _CODE_OF[lead.answer.status]
        return len(contacts)


def distinct(lead_ids: Sequence[str]) -> list[str]:
    """The ids, each once, in lower case and in their own order: leads close to each other in the store stay close."""
    return sorted({lead_id.lower() for lead_id in lead_ids})


def _lead_id(lead: LeadContact) -> ObjectId:
    return lead.lead_id


def _open_chunks(splitter: Splitter, codes: bytearray) -> tuple[list[Sequence[int]], Counter[str]]:
    chunks: list[Sequence[int]] = []
    answered: Counter[int] = Counter()
    for chunk in splitter.chunks():
        if any(codes[position] == _OPEN for position in chunk):
            chunks.append(chunk)
        else:
            answered.update(codes[position] for position in chunk)
    counts = Counter({_STATUSES[code - 1].value: number for code, number in answered.items()})
    if answered:
        counts[CHECKED] = answered.total()
    return chunks, counts
