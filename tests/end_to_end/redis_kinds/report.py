"""Runs every scenario and prints what became of the jobs: ``python -m tests.end_to_end.redis_kinds.report``."""

import logging
import sys
from collections.abc import Callable
from datetime import UTC

import redis
import structlog
from pymongo import MongoClient

from libs.common.stores.mongo import Document
from libs.embedded import MongoServer, RedisServer
from tests.end_to_end.redis_kinds import scenarios
from tests.end_to_end.redis_kinds.scenarios import MakeStage
from tests.end_to_end.redis_kinds.stage import Outcome, Stage

_ROW = "{:<55} {:>8} {:>5} {:>9} {:>13}\n"


def main() -> int:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    sys.stdout.write(_ROW.format("scenario", "accepted", "lost", "repeated", "brought back"))
    lost = 0
    with MongoServer() as mongo, RedisServer() as counts:
        for number, scenario in enumerate(scenarios.ALL):
            outcome = _run(scenario, mongo, counts, number)
            lost += outcome.lost
            words = (outcome.scenario, outcome.accepted, outcome.lost, outcome.repeated, outcome.brought_back)
            sys.stdout.write(_ROW.format(*words))
            sys.stdout.flush()
    return 1 if lost else 0


def _run(scenario: Callable[[MakeStage], Outcome], mongo: MongoServer, counts: RedisServer, number: int) -> Outcome:
    uri = mongo.uri_for(f"scenario_{number}")
    with (
        MongoClient[Document](uri, tz_aware=True, tzinfo=UTC) as client,
        redis.Redis.from_url(counts.url) as effects,
    ):
        database = client.get_default_database()
        return scenario(
            lambda url: Stage(url, mongodb_uri=uri, database=database, effects_url=counts.url, effects=effects)
        )


if __name__ == "__main__":
    sys.exit(main())
