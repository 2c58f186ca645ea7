"""What people ask about messages, against a real MongoDB."""

import pytest
from bson import ObjectId
from pymongo.database import Database

from libs.common.stores.message_desk import MessageDesk
from libs.common.stores.mongo import Document
from tests.integration.messaging.factories import WORKSPACE, ago, insert_message
from tests.integration.messaging.plans import indexes_used, watched


@pytest.mark.parametrize(
    ("workspace_id", "index"),
    [(WORKSPACE, "uncertain"), (None, "uncertain_of_all")],
    ids=["of one workspace", "of all"],
)
def test_what_waits_for_a_person_is_found_by_an_index_of_its_own(
    mongo_uri: str, database: Database[Document], workspace_id: str | None, index: str
) -> None:
    for n in range(50):
        insert_message(database, status="sent", updatedAt=ago(n))
    older, newer = (insert_message(database, status="uncertain", updatedAt=ago(n)) for n in (20, 10))
    insert_message(database, status="uncertain", updatedAt=ago(5), workspaceId=str(ObjectId()))

    with watched(mongo_uri) as (seen, commands):
        found = MessageDesk(seen).uncertain(workspace_id, limit=10)
        counts = [MessageDesk(seen).count_uncertain(workspace_id, most=most) for most in (10, 1)]

    ours = [message.message_id for message in found if message.workspace_id == WORKSPACE]
    assert (ours, len(found)) == ([newer, older], 2 if workspace_id else 3)
    assert counts == [len(found), 1]
    assert [indexes_used(database, command) for command in commands if "endSessions" not in command] == [{index}] * 3
