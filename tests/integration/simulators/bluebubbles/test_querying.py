"""Finding messages again: by chat, time, direction and text."""

import pytest

from libs.simulators.bluebubbles import BlueBubblesSimulator, running_bluebubbles
from tests.integration.simulators.bluebubbles.line_client import LineClient

ADA = "+15550000001"
BEA = "+15550000002"
CHAT = f"iMessage;-;{ADA}"


@pytest.fixture(autouse=True)
def _conversations(simulator: BlueBubblesSimulator) -> None:
    simulator.open_chat(1, ADA)
    simulator.open_chat(1, BEA)


def _texts(response_data: list[dict[str, str]]) -> list[str]:
    return [message["text"] for message in response_data]


def test_a_chat_that_does_not_exist_has_no_messages_and_no_metadata(client: LineClient) -> None:
    response = client.query(chatGuid="iMessage;-;+15559999999")
    assert response.status_code == 200
    assert response.json() == {
        "status": 200,
        "message": "No chat found with GUID: iMessage;-;+15559999999",
        "data": [],
    }


def test_messages_of_one_chat_come_newest_first(client: LineClient) -> None:
    for text in ("one", "two", "three"):
        client.send(ADA, text)
    client.send(BEA, "other")
    envelope = client.query(chatGuid=CHAT).json()
    assert envelope["message"] == "Successfully fetched messages!"
    assert _texts(envelope["data"]) == ["three", "two", "one"]
    assert envelope["metadata"] == {"offset": 0, "limit": 100, "total": 3, "count": 3}
    assert envelope["data"][0]["chats"][0]["guid"] == CHAT


def test_pages_count_all_matches(client: LineClient) -> None:
    for number in range(5):
        client.send(ADA, f"text {number}")
    envelope = client.query(chatGuid=CHAT, sort="ASC", offset=1, limit=2).json()
    assert _texts(envelope["data"]) == ["text 1", "text 2"]
    assert envelope["metadata"] == {"offset": 1, "limit": 2, "total": 5, "count": 2}


def test_the_window_includes_its_edges(client: LineClient) -> None:
    created = client.send(ADA, "Hello").json()["data"]["dateCreated"]
    assert len(client.query(chatGuid=CHAT, after=created, before=created).json()["data"]) == 1
    assert client.query(chatGuid=CHAT, after=created + 1).json()["data"] == []
    assert client.query(chatGuid=CHAT, before=created - 1).json()["data"] == []


def test_one_line_does_not_see_anothers_messages(client: LineClient, other_client: LineClient) -> None:
    client.send(ADA, "Hello")
    assert len(client.query(limit=10).json()["data"]) == 1
    assert other_client.query(limit=10).json()["data"] == []


def test_without_a_chat_messages_show_their_chats_only_when_asked(client: LineClient) -> None:
    client.send(ADA, "Hello")
    assert client.query(limit=1).json()["data"][0]["chats"] == []
    assert client.query(**{"limit": 1, "with": ["chats"]}).json()["data"][0]["chats"][0]["guid"] == CHAT


def test_own_messages_can_be_told_from_received_ones(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    client.send(ADA, "Hello")
    simulator.receive(1, sender=ADA, text="STOP")
    for own, text in ((True, "Hello"), (0, "STOP")):
        where = [{"statement": "message.is_from_me = :own", "args": {"own": own}}]
        assert _texts(client.query(chatGuid=CHAT, where=where).json()["data"]) == [text]


def test_with_the_private_api_a_text_is_found_by_any_of_its_words(client: LineClient) -> None:
    for text in ("Hello Ada", "Hello again", "Bye"):
        client.send(ADA, text)
    where = [
        {"statement": "message.text = :text", "args": {"text": "Hello Ada"}},
        {"statement": "message.is_from_me = :own", "args": {"own": True}},
    ]
    envelope = client.query(chatGuid=CHAT, where=where, sort="ASC").json()
    assert _texts(envelope["data"]) == ["Hello Ada", "Hello again"]
    assert envelope["metadata"]["total"] == 2


def test_without_the_private_api_sent_texts_are_not_in_the_database(
    simulator: BlueBubblesSimulator, client: LineClient
) -> None:
    client.send(ADA, "Hello")
    simulator.receive(1, sender=ADA, text="Hello")
    where = [{"statement": "message.text = :text", "args": {"text": "Hello"}}]
    simulator.configure(1, private_api=False)
    assert [m["isFromMe"] for m in client.query(where=where).json()["data"]] == [False]
    simulator.configure(1, private_api=False, os_version="12.7.0")
    assert len(client.query(where=where).json()["data"]) == 2


def test_a_text_search_needs_the_helper(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    simulator.configure(1, helper_connected=False)
    where = [{"statement": "message.text = :text", "args": {"text": "Hello"}}]
    response = client.query(chatGuid=CHAT, where=where)
    assert (response.status_code, response.json()["error"]["type"]) == (500, "Server Error")


@pytest.mark.parametrize(
    ("statement", "args", "found"),
    [
        ("message.error = 0", {}, True),
        ("message.error != :error", {"error": 0}, False),
        ("message.guid IN (:...guids)", {"guids": ["no"]}, False),
        ("handle.id LIKE :address", {"address": "+1555000%"}, True),
        ("message.date > :date AND message.is_from_me = 1", {"date": 0}, True),
        ("message.date_delivered IS NULL AND message.error > 0", {}, False),
        ("message.error = :missing", {}, False),
        ("message.error != :missing", {}, False),
        ("message.error IN (:...missing)", {}, False),
    ],
)
def test_statements_are_read_as_sql(client: LineClient, statement: str, args: dict[str, object], found: bool) -> None:
    client.send(ADA, "Hello")
    data = client.query(chatGuid=CHAT, where=[{"statement": statement, "args": args}]).json()["data"]
    assert bool(data) is found


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("message.nothing = 1", "SQLITE_ERROR: no such column: message.nothing"),
        ("gibberish", 'SQLITE_ERROR: near "gibberish": syntax error'),
    ],
)
def test_a_statement_that_cannot_be_read_is_a_server_error(client: LineClient, statement: str, error: str) -> None:
    response = client.query(where=[{"statement": statement, "args": {}}])
    assert response.status_code == 500
    assert response.json()["error"] == {"type": "Server Error", "message": error}


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"limit": 1001}, "The limit may not be greater than 1000."),
        ({"limit": 0}, "The limit must be at least 1."),
        ({"sort": "UP"}, "The selected sort is invalid."),
        ({"after": "yesterday"}, "The after must be a number."),
        ({"where": "message.error = 0"}, "The where must be an array."),
        ({"where": [{"args": {}}]}, "The where.0.statement field is required."),
        (
            {"where": [{"statement": "message.error = 0"}]},
            "The where.0.args field must be present (but can be empty).",
        ),
    ],
)
def test_a_query_that_breaks_a_rule_is_refused(client: LineClient, body: dict[str, object], error: str) -> None:
    response = client.query(**body)
    assert response.status_code == 400
    assert response.json()["error"]["message"] == error


def test_a_message_is_found_by_its_guid(client: LineClient) -> None:
    guid = client.send(ADA, "Hello").json()["data"]["guid"]
    assert client.get(f"message/{guid}").json()["data"]["text"] == "Hello"
    missing = client.get("message/NO-SUCH-GUID")
    assert missing.status_code == 404
    assert missing.json() == {
        "status": 404,
        "message": "The requested resource was not found",
        "error": {"type": "Database Error", "message": "Message does not exist!"},
    }


def test_a_chat_is_found_by_its_guid(client: LineClient) -> None:
    client.send(ADA, "Hello")
    chat = client.get(f"chat/{CHAT}", **{"with": "lastMessage"}).json()["data"]
    assert chat["participants"][0]["address"] == ADA
    assert chat["lastMessage"]["text"] == "Hello"
    assert client.get("chat/iMessage;-;+15559999999").json()["error"]["message"] == "Chat does not exist!"


def test_the_same_seed_gives_the_same_guids() -> None:
    runs = []
    for seed in (1, 1, 2):
        with running_bluebubbles(seed=seed, available_ratio=1.0) as simulator:
            simulator.open_chat(1, ADA)
            client = LineClient(simulator.lines[0])
            runs.append([client.send(ADA, "Hello").json()["data"]["guid"] for _ in range(2)])
    assert runs[0] == runs[1] != runs[2]
    assert len({guid for run in runs for guid in run}) == 4
