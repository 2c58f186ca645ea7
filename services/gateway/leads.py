"""Looks up leads in MongoDB for the door."""

from collections.abc import Sequence

from bson import ObjectId
from pymongo.database import Database

from libs.common.stores.collections import LEADS
from libs.common.stores.mongo import Document, mongo_errors

_BATCH = 1_000


class MongoLeadDirectory:
    """Knows which leads there are, by the ``_id`` index.

    Args:
        database: this installation's.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._leads = database[LEADS]

    def has_any(self, workspace_id: str, lead_ids: Sequence[str]) -> bool:
        """Whether at least one of these leads is in the workspace; usually the first look finds one.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        with mongo_errors():
            for start in range(0, len(lead_ids), _BATCH):
                ids = [ObjectId(lead_id) for lead_id in lead_ids[start : start + _BATCH]]
                if self._leads.find_one({"_id": {"$in": ids}, "workspaceId": workspace_id}, {"_id": True}):
                    return True
        return False
