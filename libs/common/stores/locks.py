"""Locks in MongoDB, collection ``locks``: held for a short while by one, and free again by themselves."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from libs.common.errors import StoreUnavailable
from libs.common.stores.collections import LOCKS
from libs.common.stores.mongo import Document, mongo_errors


class LockStore:
    """Locks by name.

    Args:
        database: with majority write concern.
        sleep: waits for seconds.
        monotonic: tells the time in seconds.
    """

    def __init__(
        self,
        database: Database[Document],
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._locks = database[LOCKS]
        self._sleep = sleep
        self._monotonic = monotonic

    @contextmanager
    def held(self, name: str, *, lease: timedelta, patience: timedelta) -> Iterator[None]:
        """Holds a lock for the length of a ``with`` block.

        Args:
            name: what is locked.
            lease: for how long at most; the block must be done by then.
            patience: how long to wait for it.

        Raises:
            StoreUnavailable: MongoDB is away, or others have it for all that time.
        """
        owner = secrets.token_hex(8)
        give_up_at = self._monotonic() + patience.total_seconds()
        while not self._take(name, owner, lease):
            if self._monotonic() >= give_up_at:
                raise StoreUnavailable("mongodb", f"{name} is locked by others")
            self._sleep(0.02)
        try:
            yield
        finally:
            with mongo_errors():
                self._locks.delete_one({"_id": name, "owner": owner})

    def _take(self, name: str, owner: str, lease: timedelta) -> bool:
        expires = {"$add": ["$$NOW", lease // timedelta(milliseconds=1)]}
        taken = [{"$set": {"owner": owner, "expiresAt": expires}}]
        has_ended = {"_id": name, "$expr": {"$lte": ["$expiresAt", "$$NOW"]}}
        with mongo_errors():
            if self._locks.update_one(has_ended, taken).modified_count:
                return True
            try:
                self._locks.update_one({"_id": name, "owner": owner}, taken, upsert=True)
            except DuplicateKeyError:
                return False
        return True
