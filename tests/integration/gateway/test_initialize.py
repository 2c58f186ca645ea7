"""`POST /initialize` on a real MongoDB."""

import json
import threading
from typing import Any

import pytest

from libs.common.stores.collections import ALL, SCHEDULES
from tests.integration.gateway.conftest import ADMIN, NOBODY, Served, serve, settings_for


def initialize(served: Served) -> dict[str, Any]:
    answer = served.client.post("/api/bullmq/initialize", headers=ADMIN)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = json.loads(answer.text)
    return body


def fresh(redis_url: str, mongo_uri: str) -> Served:
    return serve(settings_for(redis_url, mongo_uri, availability_url=NOBODY))


@pytest.fixture
def initialized(redis_url: str, mongo_uri: str) -> Served:
    served = fresh(redis_url, mongo_uri)
    initialize(served)
    return served


def test_the_first_time_it_creates_everything_and_says_so(redis_url: str, mongo_uri: str) -> None:
    served = fresh(redis_url, mongo_uri)

    answer = initialize(served)

    assert answer["status"] == "created"
    assert set(answer["created"]["collections"]) == {collection.name for collection in ALL}
    assert {"jobs.open", "jobs.one_open_per_unique_key"} <= set(answer["created"]["indexes"])
    assert answer["created"]["schedules"] == ["health-check", "scheduled-messages"]
    stored = {schedule["_id"]: schedule for schedule in served.database[SCHEDULES].find()}
    assert {
        name: (each["jobType"], each["cron"], each["timezone"], each["enabled"]) for name, each in stored.items()
    } == {
        "scheduled-messages": ("scheduled-messages", "* * * * *", "UTC", True),
        "health-check": ("health-check", "*/5 * * * *", "UTC", True),
    }


def test_the_second_time_it_changes_nothing(initialized: Served) -> None:
    before = _everything(initialized)

    assert initialize(initialized) == {
        "status": "unchanged",
        "created": {"collections": [], "indexes": [], "schedules": []},
    }
    assert _everything(initialized) == before


def test_it_restores_what_was_deleted(initialized: Served) -> None:
    initialized.database[SCHEDULES].delete_one({"_id": "health-check"})
    initialized.database["jobs"].drop_index("open")

    assert initialize(initialized)["created"] == {
        "collections": [],
        "indexes": ["jobs.open"],
        "schedules": ["health-check"],
    }


def test_an_index_that_is_retired_goes_and_one_that_an_engineer_made_stays(initialized: Served) -> None:
    jobs = initialized.database["jobs"]
    wanted = set(jobs.index_information())
    jobs.create_index([("workspaceId", 1), ("createdAt", -1)], name="by_workspace")
    jobs.create_index("error", name="an_engineers")

    initialize(initialized)

    assert set(jobs.index_information()) == wanted | {"an_engineers"}


def test_what_an_engineer_changed_in_a_schedule_stays(initialized: Served) -> None:
    initialized.database[SCHEDULES].update_one(
        {"_id": "health-check"}, {"$set": {"cron": "0 * * * *", "enabled": False}}
    )

    assert initialize(initialized)["status"] == "unchanged"
    stored = initialized.database[SCHEDULES].find_one({"_id": "health-check"}) or {}
    assert (stored["cron"], stored["enabled"]) == ("0 * * * *", False)


def test_two_at_once_create_everything_once(redis_url: str, mongo_uri: str) -> None:
    served = fresh(redis_url, mongo_uri)
    answers: list[dict[str, Any]] = []
    threads = [threading.Thread(target=lambda: answers.append(initialize(served))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == 4
    assert sorted(name for answer in answers for name in answer["created"]["schedules"]) == [
        "health-check",
        "scheduled-messages",
    ]
    assert served.database[SCHEDULES].count_documents({}) == 2


def _everything(served: Served) -> Any:
    database = served.database
    return (
        sorted(database.list_collection_names()),
        {collection.name: database[collection.name].index_information() for collection in ALL if collection.indexes},
        list(database[SCHEDULES].find()),
    )
