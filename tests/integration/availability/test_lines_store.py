"""Reading lines on a real MongoDB."""

import pytest
from bson import ObjectId
from pymongo.database import Database

from libs.common.stores.lines import HealthStatus, LineLimits, LineStore
from libs.common.stores.mongo import Document


def add(database: Database[Document], **fields: object) -> str:
    line: Document = {"_id": ObjectId(), "workspaceId": "w", "status": "active", "provider": "bluebubbles", **fields}
    database.lines.insert_one(line)
    return str(line["_id"])


def test_only_the_workspaces_active_lines_are_read(database: Database[Document]) -> None:
    ids = [add(database), add(database)]
    add(database, status="paused")
    add(database, status="retired")
    add(database, workspaceId="another")
    assert [line.line_id for line in LineStore(database).active("w")] == sorted(ids)


def test_a_line_is_read_whole(database: Database[Document]) -> None:
    line_id = add(
        database,
        name="Main",
        address="+12125550100",
        serverUrl="http://mac",
        credentials="sealed",
        limits={"perMinute": 20, "perDay": 300, "newConversationsPerDay": 50, "checksPerSecond": 4.5},
        health={"status": "degraded"},
    )
    (line,) = LineStore(database).by_ids([line_id])
    assert (line.name, line.address, line.server_url, line.credentials) == (
        "Main",
        "+12125550100",
        "http://mac",
        "sealed",
    )
    assert line.limits == LineLimits(per_minute=20, per_day=300, new_conversations_per_day=50, checks_per_second=4.5)
    assert line.health is HealthStatus.DEGRADED
    assert line.record == f"lines/{line_id}"


@pytest.mark.parametrize(
    ("limits", "read"),
    [
        (None, LineLimits()),
        ({}, LineLimits()),
        ("many", LineLimits()),
        ({"perMinute": None, "checksPerSecond": 0}, LineLimits()),
        ({"perMinute": "20"}, LineLimits()),
        ({"perMinute": 20.0}, LineLimits(per_minute=20)),
        ({"perMinute": 20, "colour": 3}, LineLimits(per_minute=20)),
        ({"checksPerSecond": 5}, LineLimits(checks_per_second=5.0)),
    ],
)
def test_limits_that_cannot_be_read_count_as_not_set(
    database: Database[Document], limits: object, read: LineLimits
) -> None:
    add(database, limits=limits)
    assert LineStore(database).active("w")[0].limits == read


@pytest.mark.parametrize(("health", "read"), [(None, None), ({}, None), ({"status": "fine"}, None), ("up", None)])
def test_a_health_that_cannot_be_read_counts_as_not_known(
    database: Database[Document], health: object, read: HealthStatus | None
) -> None:
    add(database, health=health)
    assert LineStore(database).active("w")[0].health is read
