"""Streams: what happens, from where one left off, and an end to each."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from libs.common.errors import StoreUnavailable
from libs.common.jobs.states import JobState
from tests.unit.gateway.bad_inputs import sync
from tests.unit.gateway.fakes import SERVICE, World

QUEUE = "integration-sync"


@pytest.fixture
def world() -> World:
    return World()


def open_stream(world: World, path: str, last_event_id: str = "") -> Iterator[dict[str, Any]]:
    """The events of a stream; comments have the kind ``comment``."""
    headers = SERVICE | ({"Last-Event-ID": last_event_id} if last_event_id else {})
    answer = world.client.get(f"/api/bullmq/{path}", headers=headers, buffered=False)
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "text/event-stream"
    for chunk in answer.iter_encoded():
        lines = [line.partition(": ") for line in chunk.decode().strip().splitlines()]
        fields = {name or "comment": value for name, _, value in lines}
        if "retry" not in fields:
            yield fields | ({"data": json.loads(fields["data"])} if "data" in fields else {})


def next_event(stream: Iterator[dict[str, Any]]) -> dict[str, Any]:
    return next(event for event in stream if "data" in event)


def test_what_happens_is_told_with_a_place_to_go_on_from(world: World) -> None:
    world.queues[QUEUE].tell("added", "old", at=1)
    stream = open_stream(world, "events")
    assert "comment" in next(stream)
    world.queues[QUEUE].tell("added", "j1", at=5)
    world.queues["health-check"].tell("added", "j2", at=3)

    told = [next_event(stream), next_event(stream)]

    assert {(event["data"]["queue"], event["data"]["jobIds"][0]) for event in told} == {
        (QUEUE, "j1"),
        ("health-check", "j2"),
    }
    again = open_stream(world, "events", told[0]["id"])
    assert next_event(again)["data"] == told[1]["data"]


def test_who_was_away_for_long_is_told_that_something_is_missing(world: World) -> None:
    count = len(world.queues)
    for name in world.queues:
        world.queues[name].tell("added", "j", at=50)

    assert next_event(open_stream(world, "events", "_".join(["7-0"] * count)))["event"] == "gap"
    assert next_event(open_stream(world, "events", "_".join(["99-0"] * count)))["event"] == "gap"
    assert next_event(open_stream(world, "events", "nonsense"))["event"] == "gap"


def test_a_job_is_told_each_time_that_it_changes_until_it_has_ended(world: World) -> None:
    job_id = json.loads(world.client.post("/api/bullmq/jobs", json=sync(), headers=SERVICE).text)["jobId"]
    stream = open_stream(world, f"jobs/{job_id}/events")
    first = next_event(stream)
    world.queues[QUEUE].show(job_id, JobState.ACTIVE)
    second = next_event(stream)
    world.queues[QUEUE].show(job_id, JobState.COMPLETED, result=1)
    rest = [event for event in stream if "data" in event]

    assert [first["data"]["state"], second["data"]["state"], rest[0]["data"]["state"]] == [
        "waiting",
        "active",
        "completed",
    ]
    assert [event.get("event") for event in rest] == [None, "end"]
    resumed = [event for event in open_stream(world, f"jobs/{job_id}/events", rest[0]["id"]) if "data" in event]
    assert [event["event"] for event in resumed] == ["end"]


def test_an_unknown_job_has_no_stream(world: World) -> None:
    assert world.client.get("/api/bullmq/jobs/nobody/events", headers=SERVICE).status_code == 404


def test_a_stream_survives_a_redis_that_goes_away(world: World) -> None:
    stream = open_stream(world, "events")
    next(stream)
    world.queues[QUEUE].error = StoreUnavailable("redis", "away")
    assert "comment" in next(stream)
    world.queues[QUEUE].error = None
    world.queues[QUEUE].tell("added", "j1", at=5)

    assert next_event(stream)["data"]["jobIds"] == ["j1"]


def test_there_are_only_so_many_streams_and_a_closed_one_makes_room(world: World) -> None:
    answers = [world.client.get("/api/bullmq/events", headers=SERVICE, buffered=False) for _ in range(4)]
    for answer in answers[:3]:
        next(iter(answer.iter_encoded()))

    assert [answer.status_code for answer in answers] == [200, 200, 200, 503]
    assert answers[3].headers["Retry-After"]
    answers[0].close()
    assert world.client.get("/api/bullmq/events", headers=SERVICE, buffered=False).status_code == 200


def test_asking_for_the_headers_only_takes_no_place(world: World) -> None:
    for _ in range(5):
        assert world.client.head("/api/bullmq/events", headers=SERVICE).status_code == 200


def test_streams_end_when_the_gateway_stops(world: World) -> None:
    stream = open_stream(world, "events")
    next(stream)
    world.streams.is_stopping = lambda: True

    assert all("comment" in event for event in stream)
