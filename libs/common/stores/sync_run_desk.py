"""What people ask about runs of syncs: which there were, how each went, and which of its rows were refused."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, cast

import msgspec
from bson import ObjectId
from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database

from libs.common.errors import InvalidInput
from libs.common.stores.collections import SYNC_ERRORS, SYNC_RUNS
from libs.common.stores.ids import either_form
from libs.common.stores.mongo import Document, mongo_errors
from libs.common.stores.open_syncs import OpenSyncs
from libs.common.stores.sync_runs import StoredProblem, SyncRun, run_of

MOST_GROUPS: Final = 50
"""So many kinds of problems of a run are told apart; fields times reasons are fewer."""


class FoundProblem(StoredProblem, frozen=True, kw_only=True):
    """A problem of a run, and when it was found."""

    at: datetime


class ProblemGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The problems of a run that are alike.

    Args:
        field: the lead's field.
        reason: what is wrong, in one word.
        fatal: whether the rows were left out; otherwise only this field was.
        rows: how many there are, among those that are kept.
        example_row: where a person finds one of them.
        example_value: what that one held, shortened.
    """

    field: str
    reason: str
    fatal: bool
    rows: int
    example_row: str
    example_value: str


class SyncRunDesk:
    """Answers questions about runs. Lists go on behind a cursor: the id of the last one seen.

    Args:
        database: from :func:`libs.common.stores.mongo.connect_mongo`.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._runs = database[SYNC_RUNS]
        self._problems = database[SYNC_ERRORS]
        self._open = OpenSyncs(database)

    def run(self, run_id: str) -> SyncRun | None:
        """A run, or ``None`` where there is none of this id.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        if not ObjectId.is_valid(run_id):
            return None
        with mongo_errors():
            document = self._runs.find_one({"_id": ObjectId(run_id)})
        return self._open.settled([run_of(document)])[0] if document else None

    def runs(self, integration_id: str, *, before: str = "", limit: int) -> Sequence[SyncRun]:
        """An integration's runs, the latest first.

        Args:
            integration_id: the integration.
            before: the id of the last run seen; none for the latest.
            limit: the most to answer.

        Raises:
            InvalidInput: ``before`` is no run.
            StoreUnavailable: MongoDB is away.
        """
        chosen: Document = {"integrationId": {"$in": either_form(integration_id)}}
        if before:
            seen = self.run(before)
            if seen is None or seen.integration_id != integration_id:
                raise InvalidInput("cursor", "expected the cursor of an earlier answer, or none")
            # One at a time per integration, so no two begin in the same millisecond.
            chosen["startedAt"] = {"$lt": seen.started_at}
        with mongo_errors():
            found = list(self._runs.find(chosen, {"samples": False}).sort("startedAt", DESCENDING).limit(limit))
        return self._open.settled([run_of(document) for document in found])

    def problems(self, run_id: ObjectId, *, after: str = "", limit: int) -> tuple[Sequence[FoundProblem], str | None]:
        """A run's problems in the order in which they were found, and the cursor for those behind them.

        Args:
            run_id: the run.
            after: the cursor of the answer before; none for the first.
            limit: the most to answer.

        Raises:
            InvalidInput: ``after`` is no cursor.
            StoreUnavailable: MongoDB is away.
        """
        chosen: Document = {"runId": run_id}
        if after:
            if not ObjectId.is_valid(after):
                raise InvalidInput("cursor", "expected the cursor of an earlier answer, or none")
            chosen["_id"] = {"$gt": ObjectId(after)}
        with mongo_errors():
            found = list(self._problems.find(chosen).sort("_id", ASCENDING).limit(limit))
        problems = [msgspec.convert(document, FoundProblem) for document in found]
        return problems, str(found[-1]["_id"]) if len(found) == limit else None

    def problem_groups(self, run_id: ObjectId) -> Sequence[ProblemGroup]:
        """A run's problems by field and reason, the most frequent first.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        kind = {name: f"${name}" for name in ("field", "reason", "fatal")}
        example = {"exampleRow": {"$first": "$row"}, "exampleValue": {"$first": "$value"}}
        with mongo_errors():
            found = list(
                self._problems.aggregate(
                    [
                        {"$match": {"runId": run_id}},
                        {"$group": {"_id": kind, "rows": {"$sum": 1}, **example}},
                        {"$sort": {"rows": DESCENDING, "_id": ASCENDING}},
                        {"$limit": MOST_GROUPS},
                    ]
                )
            )
        return [_group(document) for document in found]


def _group(document: Document) -> ProblemGroup:
    kind = cast(Document, document["_id"])
    return ProblemGroup(
        field=kind["field"],
        reason=kind["reason"],
        fatal=kind["fatal"],
        rows=document["rows"],
        example_row=document["exampleRow"],
        example_value=document["exampleValue"],
    )
