"""Counting unfinished work on a real MongoDB: by indexes, up to a bound, not at every call."""

from datetime import timedelta

import pytest
from pymongo.database import Database

from libs.common.errors import StoreUnavailable
from libs.common.settings import Secret, Settings
from libs.common.stores.collections import create_collections
from libs.common.stores.mongo import Document, connect_mongo
from services.gateway.store_metrics import Unfinished, UnfinishedWork


def test_only_what_is_unfinished_is_counted_and_counting_ends_at_its_bound(mongo_database: Database[Document]) -> None:
    create_collections(mongo_database)
    states = ["scheduled"] * 7 + ["queued"] * 2 + ["sending", "uncertain", "sent", "sent", "failed"]
    mongo_database.messages.insert_many([{"status": status} for status in states])
    mongo_database.jobs.insert_many([{"_id": f"j{n}", **({"open": True} if n < 6 else {})} for n in range(8)])
    assert UnfinishedWork(mongo_database, most=5).now() == Unfinished(
        jobs=5, messages={"scheduled": 5, "queued": 2, "sending": 1, "uncertain": 1}
    )


def test_a_database_that_nobody_has_initialized_has_nothing_unfinished(mongo_database: Database[Document]) -> None:
    mongo_database.jobs.insert_one({"_id": "j", "open": True})
    assert UnfinishedWork(mongo_database).now().jobs == 0


def test_an_answer_is_good_for_a_while(mongo_database: Database[Document]) -> None:
    create_collections(mongo_database)
    seconds = iter([0.0, 9.0, 11.0, 11.0])
    work = UnfinishedWork(mongo_database, kept=timedelta(seconds=10), monotonic=lambda: next(seconds))
    assert work.now().jobs == 0
    mongo_database.jobs.insert_one({"_id": "j", "open": True})
    assert [work.now().jobs, work.now().jobs] == [0, 1]


def test_without_mongodb_it_says_so_within_its_deadline() -> None:
    nowhere = connect_mongo(Settings(mongodb_uri=Secret("mongodb://127.0.0.1:9/tuco")), service="tests")
    with pytest.raises(StoreUnavailable):
        UnfinishedWork(nowhere, deadline=timedelta(milliseconds=100)).now()
