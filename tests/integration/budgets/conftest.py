"""Budgets on a real Redis and MongoDB, with a clock that is moved by hand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import redis
from pymongo.database import Database

from libs.common.budgets.cached_epoch import CachedEpoch
from libs.common.budgets.records import RecordReader
from libs.common.budgets.redis_budgets import RedisBudgets
from libs.common.clock import to_ms
from libs.common.ledger.redis_epoch import RedisEpoch
from libs.common.settings import Secret, Settings
from libs.common.stores.collections import MESSAGES
from libs.common.stores.message_indexes import MESSAGE_INDEXES
from libs.common.stores.mongo import Document, connect_mongo


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


MakeBudgets = Callable[..., RedisBudgets]


@pytest.fixture
def clock() -> HandClock:
    """Stands at noon tomorrow: Redis lets keys expire by its own clock, so hand-made days must lie ahead of it."""
    return HandClock(noon_tomorrow())


def noon_tomorrow() -> datetime:
    return datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=1)


@pytest.fixture
def database(mongo_uri: str) -> Database[Document]:
    connected = connect_mongo(Settings(mongodb_uri=Secret(mongo_uri)), service="test")
    connected[MESSAGES].create_indexes(list(MESSAGE_INDEXES))
    return connected


@pytest.fixture
def make_budgets(redis_client: "redis.Redis", database: Database[Document], clock: HandClock) -> MakeBudgets:
    def make(gap: float = 0.5) -> RedisBudgets:
        return RedisBudgets(
            redis_client,
            RecordReader(database, region="US"),
            redis_epoch=CachedEpoch(RedisEpoch(redis_client).current, keep=timedelta(0)),
            clock=clock,
            now_ms=lambda: to_ms(clock.now()),
            uniform=lambda low, high: low + (high - low) * gap,
        )

    return make


@pytest.fixture
def budgets(make_budgets: MakeBudgets) -> RedisBudgets:
    return make_budgets()
