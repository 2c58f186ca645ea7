"""The audit log on a real MongoDB."""

import json
from datetime import datetime

from libs.common.stores.collections import AUDIT
from tests.integration.gateway.conftest import ADMIN, Served


def test_entries_are_stored_with_a_time_that_mongodb_can_expire_and_read_back_page_by_page(served: Served) -> None:
    for action in ("pause", "resume"):
        served.client.post(f"/api/bullmq/queues/integration-sync/{action}", headers=ADMIN)

    stored = list(served.database[AUDIT].find())
    assert all(isinstance(document["at"], datetime) for document in stored)

    first = json.loads(served.client.get("/api/bullmq/audit?limit=1", headers=ADMIN).text)
    rest = json.loads(served.client.get(f"/api/bullmq/audit?limit=5&cursor={first['cursor']}", headers=ADMIN).text)
    routes = [entry["route"].rsplit("/", 1)[1] for page in (first, rest) for entry in page["entries"]]
    assert routes == ["resume", "pause"]
    assert rest["cursor"] is None


def test_a_cursor_that_is_none_is_refused(served: Served) -> None:
    assert served.client.get("/api/bullmq/audit?cursor=x", headers=ADMIN).status_code == 422
