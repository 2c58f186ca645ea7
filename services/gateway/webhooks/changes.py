"""What MongoDB's change stream says, read as events of jobs and messages. No I/O.

Only changes of ``status`` to one that is told are asked for; what the event is about is read from the document as it is
by then, the status from the change itself.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from libs.common.jobs.contract import Origin
from libs.common.jobs.registry import contracts
from libs.common.stores.collections import JOBS, MESSAGES
from libs.common.stores.mongo import Document
from services.gateway.webhooks.model import Event, EventType

TOLD: Final[Mapping[str, Mapping[str, EventType]]] = {
    JOBS: {each.value.partition(".")[2]: each for each in EventType if each.value.startswith("job.")},
    MESSAGES: {each.value.partition(".")[2]: each for each in EventType if each.value.startswith("message.")},
}
"""By collection and status, what is told."""

FIELDS: Final[Mapping[str, Sequence[str]]] = {
    JOBS: ("jobType", "queue", "workspaceId", "createdAt", "finishedAt", "result", "error"),
    MESSAGES: (
        "workspaceId",
        "leadId",
        "campaignId",
        "lineId",
        "reason",
        "error",
        "providerMessageId",
        "sentAt",
        "deliveredAt",
    ),
}
"""What is told of a document: never a message's text or recipient."""

PIPELINE: Final[list[Document]] = [
    {
        "$match": {
            "operationType": "update",
            "$or": [
                {"ns.coll": collection, "updateDescription.updatedFields.status": {"$in": sorted(statuses)}}
                for collection, statuses in TOLD.items()
            ],
        }
    },
    {
        "$project": {
            "ns": True,
            "documentKey": True,
            "clusterTime": True,
            "updateDescription.updatedFields.status": True,
        }
    },
]
"""What the stream is asked for."""

_ID_NAMES: Final = {JOBS: "jobId", MESSAGES: "messageId"}


def event_of(change: Document, document: Document | None) -> Event | None:
    """The event that a change is; ``None`` where nobody is told of it.

    Args:
        change: from the stream.
        document: what it is about, as it is by now; ``None`` where it is gone.
    """
    collection = change["ns"]["coll"]
    status = change["updateDescription"]["updatedFields"]["status"]
    if document is None or (collection == JOBS and not _is_asked_for(document.get("jobType", ""))):
        return None
    at: datetime = change["clusterTime"].as_datetime()
    told = {name: document[name] for name in FIELDS[collection] if document.get(name) is not None}
    return Event(
        token=change["_id"]["_data"],
        type=TOLD[collection][status],
        at=at,
        workspace_id=document.get("workspaceId") or "",
        data={_ID_NAMES[collection]: str(document["_id"]), "status": status, **_plain(told)},
    )


def _is_asked_for(job_type: str) -> bool:
    """Whether the app asked for jobs of this type; ticks of schedules and orders of people are not its business."""
    contract = contracts().get(job_type)
    return contract is not None and contract.origin is Origin.REST


def _plain(told: Mapping[str, Any]) -> dict[str, Any]:
    """With ids as text, as everywhere in the API."""
    return {name: str(value) if name.endswith("Id") else value for name, value in told.items()}
