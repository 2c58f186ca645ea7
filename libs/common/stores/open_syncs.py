"""Where the ledger and the runs meet: which job of an integration is unfinished, and which run has none any more.

A run says ``running`` until an attempt at it ends it. Where its job was cancelled while it waited, or given up because
its workers died, no attempt does; then the ledger knows better.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from pymongo.database import Database

from libs.common.integrations.model import Integration
from libs.common.jobs.integration_sync import INTEGRATION_SYNC, IntegrationSync
from libs.common.jobs.states import LedgerStatus
from libs.common.stores.collections import JOBS
from libs.common.stores.mongo import Document, mongo_errors
from libs.common.stores.sync_runs import RunStatus, SyncRun

_AS_RUNS_SAY: Mapping[str, RunStatus] = {
    LedgerStatus.CANCELLED: RunStatus.CANCELLED,
    LedgerStatus.FAILED: RunStatus.FAILED,
}


class OpenSyncs:
    """Asks the ledger about syncs.

    Args:
        database: from :func:`libs.common.stores.mongo.connect_mongo`.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._jobs = database[JOBS]

    def jobs_of(self, integrations: Iterable[Integration]) -> Mapping[str, str]:
        """The unfinished job of each integration that has one, by the integration's id.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        keys = {_key(each): each.id for each in integrations}
        with mongo_errors():
            found = list(self._jobs.find({"uniqueKey": {"$in": list(keys)}, "open": True}, {"uniqueKey": True}))
        return {keys[document["uniqueKey"]]: document["_id"] for document in found}

    def settled(self, runs: Sequence[SyncRun]) -> Sequence[SyncRun]:
        """The runs, those that nobody will end as their jobs ended.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        running = [run.job_id for run in runs if run.status is RunStatus.RUNNING]
        if not running:
            return runs
        told = {"status": True, "finishedAt": True, "error": True}
        ended = {"_id": {"$in": running}, "status": {"$in": list(_AS_RUNS_SAY)}}
        with mongo_errors():
            endings = {document["_id"]: document for document in self._jobs.find(ended, told)}
        return [_ended_so(run, endings[run.job_id]) if run.job_id in endings else run for run in runs]


def _ended_so(run: SyncRun, ending: Document) -> SyncRun:
    if run.status is not RunStatus.RUNNING:
        return run
    return msgspec.structs.replace(
        run,
        status=_AS_RUNS_SAY[ending["status"]],
        finished_at=ending.get("finishedAt"),
        error=ending.get("error") or ending["status"],
    )


def _key(integration: Integration) -> str | None:
    payload = IntegrationSync(integration_id=integration.id, workspace_id=integration.workspace_id)
    return INTEGRATION_SYNC.unique_key_of(payload)
