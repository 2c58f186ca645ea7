"""The one place that knows MongoDB's collections and the indexes that serve every scheduled or per-job query."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.database import Database
from pymongo.errors import CollectionInvalid, OperationFailure

from libs.common.jobs.bulk_availability import BULK_AVAILABILITY
from libs.common.stores.message_indexes import MESSAGE_INDEXES
from libs.common.stores.mongo import Document

LEADS = "leads"
LINES = "lines"
MESSAGES = "messages"
INTEGRATIONS = "integrations"
SYNC_RUNS = "syncRuns"
SYNC_ERRORS = "syncErrors"
SYNC_SEEN = "syncSeen"
LINE_HEALTH = "lineHealth"
SCHEDULES = "schedules"
JOBS = "jobs"
STOPS = "stops"
TICKS = "ticks"
WORKSPACE_LIMITS = "workspaceLimits"
BUDGET_SLOTS = "budgetSlots"
LOCKS = "locks"
AUDIT = "audit"
WEBHOOKS = "webhooks"
WEBHOOK_DELIVERIES = "webhookDeliveries"
WEBHOOK_FEED = "webhookFeed"

JOBS_BY_WORKSPACE = "history_of_workspace"
JOBS_BY_TYPE = "history_of_type"
LISTS_OF_WORKSPACE = "lists_of_workspace"
FAILED_JOBS = "history_of_failed"

TICKS_KEPT = timedelta(days=30)
SEEN_KEPT = timedelta(days=7)

_NAMESPACE_EXISTS = 48
_INDEX_NOT_FOUND = 27
_LATEST_FIRST = [("createdAt", DESCENDING), ("_id", DESCENDING)]


def _seconds(*, days: int) -> int:
    return int(timedelta(days=days).total_seconds())


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection: its name, the indexes it must have, and options for its creation."""

    name: str
    indexes: Sequence[IndexModel] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


ALL: tuple[Collection, ...] = (
    Collection(
        LEADS,
        [
            IndexModel([("workspaceId", ASCENDING), ("_id", ASCENDING)], name="by_workspace"),
            # For finding what people have written since a moment.
            IndexModel([("workspaceId", ASCENDING), ("updatedAt", ASCENDING)], name="by_change"),
            # What a lead goes by: its rows in CRMs, its phones, its emails. See docs/decisions/lead-identity.md.
            IndexModel(
                [("workspaceId", ASCENDING), ("matchKeys", ASCENDING)],
                name="one_lead_per_match_key",
                unique=True,
                partialFilterExpression={"matchKeys": {"$exists": True}},
            ),
            IndexModel(
                [("workspaceId", ASCENDING), ("sharedKeys", ASCENDING)],
                name="by_shared_key",
                partialFilterExpression={"sharedKeys": {"$exists": True}},
            ),
            # Whether a recipient has opted out: asked before every send, so only those who have are in these.
            *(
                IndexModel(
                    [("workspaceId", ASCENDING), (kind, ASCENDING)],
                    name=f"opted_out_by_{kind}",
                    partialFilterExpression={"optedOutAt": {"$type": "date"}},
                )
                for kind in ("phone", "email")
            ),
        ],
    ),
    Collection(LINES, [IndexModel([("workspaceId", ASCENDING), ("status", ASCENDING)], name="by_workspace")]),
    Collection(MESSAGES, MESSAGE_INDEXES),
    Collection(INTEGRATIONS, [IndexModel([("workspaceId", ASCENDING)], name="by_workspace")]),
    Collection(
        SYNC_RUNS,
        [
            IndexModel([("integrationId", ASCENDING), ("startedAt", DESCENDING)], name="by_integration"),
            IndexModel([("jobId", ASCENDING)], name="one_run_per_job", unique=True),
            IndexModel([("finishedAt", ASCENDING)], name="kept_a_year", expireAfterSeconds=_seconds(days=365)),
        ],
    ),
    Collection(
        SYNC_ERRORS,
        [
            IndexModel([("runId", ASCENDING), ("_id", ASCENDING)], name="by_run"),
            IndexModel([("at", ASCENDING)], name="kept_90_days", expireAfterSeconds=_seconds(days=90)),
        ],
    ),
    Collection(
        SYNC_SEEN,
        [
            IndexModel([("runId", ASCENDING)], name="by_run"),
            # Of runs that were given up; the others take theirs away themselves.
            IndexModel([("at", ASCENDING)], name="kept_7_days", expireAfterSeconds=int(SEEN_KEPT.total_seconds())),
        ],
    ),
    Collection(
        LINE_HEALTH,
        options={
            "timeseries": {"timeField": "at", "metaField": "lineId", "granularity": "minutes"},
            "expireAfterSeconds": _seconds(days=30),
        },
    ),
    Collection(SCHEDULES),
    Collection(
        TICKS,
        [
            IndexModel([("schedule", ASCENDING), ("tick", DESCENDING)], name="by_schedule"),
            IndexModel([("emitted", ASCENDING)], name="to_emit", partialFilterExpression={"emitted": False}),
            IndexModel([("tick", ASCENDING)], name="expiry", expireAfterSeconds=int(TICKS_KEPT.total_seconds())),
        ],
    ),
    Collection(STOPS, [IndexModel([("workspaceId", ASCENDING)], name="by_workspace")]),
    Collection(WORKSPACE_LIMITS),
    Collection(
        BUDGET_SLOTS,
        [
            IndexModel([("workspaceId", ASCENDING), ("at", ASCENDING)], name="by_workspace"),
            IndexModel([("at", ASCENDING)], name="kept_2_days", expireAfterSeconds=2 * 86_400),
        ],
    ),
    Collection(LOCKS),
    Collection(AUDIT, [IndexModel([("at", ASCENDING)], name="kept_a_year", expireAfterSeconds=_seconds(days=365))]),
    Collection(WEBHOOKS, [IndexModel([("workspaceId", ASCENDING)], name="by_workspace")]),
    Collection(
        WEBHOOK_DELIVERIES,
        [
            IndexModel([("webhookId", ASCENDING), *_LATEST_FIRST], name="by_webhook"),
            IndexModel(
                [("status", ASCENDING), ("_id", ASCENDING)],
                name="waiting",
                partialFilterExpression={"status": "pending"},
            ),
            IndexModel([("createdAt", ASCENDING)], name="kept_30_days", expireAfterSeconds=_seconds(days=30)),
        ],
    ),
    Collection(WEBHOOK_FEED),
    Collection(
        JOBS,
        [
            # `open` is there only while a job is unfinished, so both indexes stay as small as the unfinished work.
            IndexModel([("open", ASCENDING), ("_id", ASCENDING)], name="open", partialFilterExpression={"open": True}),
            IndexModel(
                [("uniqueKey", ASCENDING)],
                name="one_open_per_unique_key",
                unique=True,
                partialFilterExpression={"open": True, "uniqueKey": {"$exists": True}},
            ),
            # What people search, the latest first: of a workspace, of some job types, of what has failed.
            IndexModel([("workspaceId", ASCENDING), *_LATEST_FIRST], name=JOBS_BY_WORKSPACE),
            IndexModel([("jobType", ASCENDING), *_LATEST_FIRST], name=JOBS_BY_TYPE),
            IndexModel(_LATEST_FIRST, name=FAILED_JOBS, partialFilterExpression={"status": "failed"}),
            # Runs over lists of leads, which are few among a workspace's other jobs.
            IndexModel(
                [("workspaceId", ASCENDING), *_LATEST_FIRST],
                name=LISTS_OF_WORKSPACE,
                partialFilterExpression={"jobType": BULK_AVAILABILITY.job_type},
            ),
        ],
    ),
)

RETIRED: Mapping[str, frozenset[str]] = {JOBS: frozenset({"by_workspace", "list_runs", "list_runs_of_workspace"})}
"""Indexes of earlier versions, by collection. Others serve all their queries, also those of a version still running."""


@dataclass(frozen=True, slots=True)
class Created:
    """What was missing and now is there: collections by name, indexes as ``collection.index``."""

    collections: Sequence[str]
    indexes: Sequence[str]


def create_collections(database: Database[Document]) -> Created:
    """Creates every collection and index that is missing; doing it twice, or twice at once, changes nothing.

    Indexes that are retired go, because each slows every write.
    """
    there = set(database.list_collection_names())
    missing = [collection for collection in ALL if collection.name not in there]
    for collection in missing:
        _create(database, collection)
    indexes = []
    for collection in ALL:
        if collection.indexes:
            known = set(database[collection.name].index_information())
            made = database[collection.name].create_indexes(list(collection.indexes))
            indexes += [f"{collection.name}.{name}" for name in made if name not in known]
            for name in sorted(known & RETIRED.get(collection.name, frozenset())):
                _drop_index(database, collection.name, name)
    return Created(collections=[collection.name for collection in missing], indexes=indexes)


def _create(database: Database[Document], collection: Collection) -> None:
    try:
        database.create_collection(collection.name, **collection.options)
    except CollectionInvalid:
        return
    except OperationFailure as error:
        if error.code != _NAMESPACE_EXISTS:
            raise


def _drop_index(database: Database[Document], collection: str, index: str) -> None:
    try:
        database[collection].drop_index(index)
    except OperationFailure as error:
        if error.code != _INDEX_NOT_FOUND:
            raise
