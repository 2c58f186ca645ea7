"""What people see and decide about integrations: list them, look at one, change it, take it away. Never its secrets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgspec
from bson import ObjectId
from pymongo import ASCENDING, DESCENDING, ReturnDocument
from pymongo.database import Database

from libs.common.errors import InvalidInput
from libs.common.integrations.model import Integration, IntegrationSettings, IntegrationStatus, read_settings
from libs.common.integrations.schedules import check_schedule, schedule_for, schedule_name
from libs.common.jobs.integration_sync import INTEGRATION_SYNC
from libs.common.stores.collections import INTEGRATIONS, SCHEDULES, SYNC_RUNS
from libs.common.stores.integrations import integration_of, wake_schedule
from libs.common.stores.mongo import Document, mongo_errors
from libs.common.stores.open_syncs import OpenSyncs
from libs.common.stores.schedules import Schedule, ScheduleStore, schedule_of
from libs.common.stores.sync_runs import SyncRun, run_of

_WHAT_IS_READ: Final = frozenset(
    {"base_url", "match_by", "region", "object", "spreadsheet_id", "sheet", "header_row", "key_column"}
)
"""The settings that decide which rows come and as whom; after a change of one, all rows are read anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationOverview:
    """An integration and what belongs to it.

    Args:
        integration: the integration.
        schedule: its own schedule; ``None`` where it has none.
        latest: its latest run, without samples; ``None`` where there was none.
        open_job_id: its unfinished job, whether it runs or waits; ``None`` where there is none.
        created_at: when it was added; ``None`` where that was not written down.
    """

    integration: Integration
    schedule: Schedule | None
    latest: SyncRun | None
    open_job_id: str | None
    created_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationChange:
    """What a person changes. What is ``None`` or left out stays.

    Args:
        name: how people call it.
        field_map: by lead field; ``None`` as a value takes the field's own rule away, so that the usual one holds.
        settings: by their names in JSON; ``None`` as a value means the usual one.
    """

    name: str | None = None
    field_map: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


class IntegrationDesk:
    """Shows and changes integrations.

    Args:
        database: from :func:`libs.common.stores.mongo.connect_mongo`.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._integrations = database[INTEGRATIONS]
        self._schedules = database[SCHEDULES]
        self._schedule_store = ScheduleStore(database)
        self._open = OpenSyncs(database)

    def page(
        self,
        workspace_id: str | None = None,
        *,
        status: IntegrationStatus | None = None,
        after: str = "",
        limit: int,
    ) -> Sequence[IntegrationOverview]:
        """Integrations in the order in which they were added.

        Args:
            workspace_id: only this workspace's.
            status: only those that are so.
            after: the id of the last one seen; none for the first.
            limit: the most to answer.

        Raises:
            InvalidInput: ``after`` is no id.
            Permanent: a document is not an integration that can be read.
            StoreUnavailable: MongoDB is away.
        """
        chosen: Document = {} if workspace_id is None else {"workspaceId": workspace_id}
        if status is not None:
            # One without a status has never needed anything.
            chosen["status"] = {"$in": [str(status), None]} if status is IntegrationStatus.ACTIVE else str(status)
        if after:
            if not ObjectId.is_valid(after):
                raise InvalidInput("cursor", "expected the cursor of an earlier answer, or none")
            chosen["_id"] = {"$gt": ObjectId(after)}
        return self._overviews([{"$match": chosen}, {"$sort": {"_id": ASCENDING}}, {"$limit": limit}])

    def needing_attention(self, workspace_id: str | None = None, *, limit: int) -> Sequence[Integration]:
        """Integrations that wait for a person, in the order in which they were added; without what belongs to them.

        Args:
            workspace_id: only this workspace's.
            limit: the most to answer.

        Raises:
            Permanent: a document is not an integration that can be read.
            StoreUnavailable: MongoDB is away.
        """
        wanted: Document = {"status": str(IntegrationStatus.NEEDS_ATTENTION)}
        if workspace_id is not None:
            wanted["workspaceId"] = workspace_id
        with mongo_errors():
            found = list(self._integrations.find(wanted, {"credentials": False}).sort("_id", ASCENDING).limit(limit))
        return [integration_of(document) for document in found]

    def one(self, integration_id: str) -> IntegrationOverview | None:
        """An integration; ``None`` where there is none of this id.

        Raises:
            Permanent: the document is not an integration that can be read.
            StoreUnavailable: MongoDB is away.
        """
        if not ObjectId.is_valid(integration_id):
            return None
        return next(iter(self._overviews([{"$match": {"_id": ObjectId(integration_id)}}])), None)

    def change(
        self,
        before: Integration,
        change: IntegrationChange,
        *,
        sealed_credentials: str | None = None,
        at: datetime,
    ) -> bool:
        """Changes an integration; false where it is gone.

        One that needed attention is active again, because the change may be what it needed. Where other rows come, or
        as somebody else, the next run reads everything.

        Args:
            before: as it is.
            change: what shall be different.
            sealed_credentials: new ones, as the store seals them; written together with the rest, so that no worker
                shows the old ones at a new address.
            at: now.

        Raises:
            InvalidInput: naming the setting that is unknown or wrong.
            StoreUnavailable: MongoDB is away.
        """
        settings, field_map = _changed_settings(before, change), _changed_map(before, change)
        check_schedule(settings)
        mends = bool(change.settings or change.field_map or sealed_credentials)
        values: Document = {"updatedAt": at}
        gone: list[str] = []
        if change.name is not None:
            values["name"] = change.name
        if sealed_credentials is not None:
            values["credentials"] = sealed_credentials
            gone.append("renewal")
        if field_map != before.field_map or _reads_others(before.settings, settings):
            values["readsAnewAt"] = at
            gone.append("cursor")
        if mends:
            values |= {"status": str(IntegrationStatus.ACTIVE), "statusReason": ""}
        # Only what was named is written: somebody else may be changing another setting at this moment.
        written: Document = {name: {"$literal": value} for name, value in values.items()}
        for part, named, whole in (
            ("settings", change.settings, msgspec.to_builtins(settings)),
            ("fieldMap", change.field_map, field_map),
        ):
            kept = {name: whole[name] for name in named if name in whole}
            written[part] = {"$mergeObjects": [f"${part}", {"$literal": kept}]}
            gone += [f"{part}.{name}" for name in named if name not in whole]
        update: list[Document] = [{"$set": written}, *([{"$unset": gone}] if gone else [])]
        with mongo_errors():
            after = self._integrations.find_one_and_update(
                {"_id": ObjectId(before.id)}, update, {"credentials": False}, return_document=ReturnDocument.AFTER
            )
        if after and mends:
            self._follow_schedule(integration_of(after))
        return after is not None

    def remove(self, integration_id: str) -> bool:
        """Takes an integration away, its credentials and all schedules that sync it with it; false where there is none.

        Its leads stay, and so does the record of its runs.

        Raises:
            StoreUnavailable: MongoDB is away; the call may be repeated.
        """
        if not ObjectId.is_valid(integration_id):
            return False
        with mongo_errors():
            self._schedules.delete_many({"jobType": INTEGRATION_SYNC.job_type, "data.integrationId": integration_id})
            return self._integrations.delete_one({"_id": ObjectId(integration_id)}).deleted_count > 0

    def _follow_schedule(self, integration: Integration) -> None:
        """Makes the schedule what the settings say; one that a person switched off stays off, one that rested wakes."""
        name, settings = schedule_name(integration.id), integration.settings
        if not settings.schedule:
            with mongo_errors():
                self._schedules.delete_one({"_id": name})
            return
        there = self._schedule_store.get(name)
        if there is None or (there.cron, there.timezone) != (settings.schedule, settings.timezone):
            enabled = there.enabled if there else True
            self._schedule_store.put(schedule_for(integration.id, integration.workspace_id, settings, enabled=enabled))
        wake_schedule(self._schedules, integration.id)

    def _overviews(self, chosen: Sequence[Document]) -> Sequence[IntegrationOverview]:
        latest = {
            "from": SYNC_RUNS,
            "localField": "_id",
            "foreignField": "integrationId",
            "pipeline": [{"$sort": {"startedAt": DESCENDING}}, {"$limit": 1}, {"$unset": "samples"}],
            "as": "latest",
        }
        schedule = {"from": SCHEDULES, "localField": "scheduleName", "foreignField": "_id", "as": "schedule"}
        own_schedule = {"$concat": [schedule_name(""), {"$toString": "$_id"}]}
        with mongo_errors():
            found = list(
                self._integrations.aggregate(
                    [
                        *chosen,
                        {"$unset": "credentials"},
                        {"$set": {"scheduleName": own_schedule}},
                        {"$lookup": latest},
                        {"$lookup": schedule},
                    ]
                )
            )
        integrations = [integration_of(document) for document in found]
        jobs = self._open.jobs_of(integrations)
        return [
            IntegrationOverview(
                integration=integration,
                schedule=next((schedule_of(each) for each in document["schedule"]), None),
                latest=next(iter(self._open.settled([run_of(each) for each in document["latest"]])), None),
                open_job_id=jobs.get(integration.id),
                created_at=document.get("createdAt"),
            )
            for integration, document in zip(integrations, found, strict=True)
        ]


def _changed_settings(before: Integration, change: IntegrationChange) -> IntegrationSettings:
    given = {**msgspec.to_builtins(before.settings), **change.settings}
    return read_settings({name: value for name, value in given.items() if value is not None})


def _changed_map(before: Integration, change: IntegrationChange) -> dict[str, Any]:
    given = {**before.field_map, **change.field_map}
    return {name: value for name, value in given.items() if value is not None}


def _reads_others(before: IntegrationSettings, after: IntegrationSettings) -> bool:
    return any(getattr(before, name) != getattr(after, name) for name in _WHAT_IS_READ)
