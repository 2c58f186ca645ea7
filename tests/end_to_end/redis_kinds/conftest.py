"""A stage on any Redis, with the session's MongoDB for the ledger and its Redis for the counts."""

from typing import Any

import pytest
import redis
from pymongo.database import Database

from tests.end_to_end.redis_kinds.scenarios import MakeStage
from tests.end_to_end.redis_kinds.stage import Stage


@pytest.fixture
def make_stage(
    mongo_uri: str, mongo_database: Database[dict[str, Any]], redis_url: str, redis_client: "redis.Redis"
) -> MakeStage:
    def make(url: str) -> Stage:
        return Stage(url, mongodb_uri=mongo_uri, database=mongo_database, effects_url=redis_url, effects=redis_client)

    return make
