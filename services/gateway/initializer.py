"""Creates what an installation needs, or restores what is missing of it."""

from collections.abc import Sequence

import msgspec
from pymongo.database import Database

from libs.common.logging import get_logger
from libs.common.stores.collections import create_collections
from libs.common.stores.mongo import Document, mongo_errors
from libs.common.stores.schedules import DEFAULT_SCHEDULES, ScheduleStore

log = get_logger(__name__)


class Initialized(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What was created: everything the first time, nothing the second."""

    collections: Sequence[str]
    indexes: Sequence[str]
    schedules: Sequence[str]


class Initializer:
    """Creates collections, indexes and schedules where they are missing.

    Args:
        database: this installation's.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._database = database
        self._schedules = ScheduleStore(database)

    def run(self) -> Initialized:
        """Creates what is missing; doing it twice, or twice at once, changes nothing.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        with mongo_errors():
            created = create_collections(self._database)
        answer = Initialized(
            collections=created.collections,
            indexes=created.indexes,
            schedules=self._schedules.restore(DEFAULT_SCHEDULES),
        )
        log.info("installation.initialized", **msgspec.structs.asdict(answer))
        return answer
