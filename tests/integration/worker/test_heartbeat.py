"""Heartbeats on a real Redis."""

from datetime import timedelta

import pytest
import redis

from libs.common.broker.metrics import RUN
from libs.common.worker import heartbeat
from libs.common.worker.heartbeat import WORKERS_KEY, Heartbeat, Heartbeats, HeartbeatThread, heartbeat_of
from tests.waiting import wait_until


def test_a_worker_that_says_so_is_seen(redis_client: "redis.Redis") -> None:
    beats = Heartbeats(redis_client)
    assert beats.seen() == []
    beats.beat("b", Heartbeat(service="sync", queues=["integration-sync"], held=3))
    beats.beat("a", Heartbeat(service="messaging", queues=["message-processing"]))

    seen = beats.seen()

    assert [(each.worker, each.said.service, each.said.held) for each in seen] == [
        ("a", "messaging", 0),
        ("b", "sync", 3),
    ]
    assert all(each.seen_seconds_ago < 5 for each in seen)


def test_a_worker_that_is_silent_is_forgotten(redis_client: "redis.Redis", monkeypatch: pytest.MonkeyPatch) -> None:
    beats = Heartbeats(redis_client)
    beats.beat("a", Heartbeat(service="s", queues=[]))
    monkeypatch.setattr(heartbeat, "FORGOTTEN_AFTER", timedelta(milliseconds=-1))

    assert beats.seen() == []
    assert redis_client.hlen(WORKERS_KEY) == 0


def test_nothing_is_kept_when_no_worker_is_left(redis_client: "redis.Redis") -> None:
    Heartbeats(redis_client).beat("a", Heartbeat(service="s", queues=[]))

    assert 0 < int(redis_client.pttl(WORKERS_KEY)) <= 20_000


def test_the_thread_says_at_once_what_the_histograms_count(redis_client: "redis.Redis") -> None:
    RUN.labels("heartbeat-queue", "work").observe(0.05)
    beats = Heartbeats(redis_client)
    thread = HeartbeatThread(beats, "a", lambda: heartbeat_of("s", ["heartbeat-queue"], held=1))

    thread.start()
    wait_until(lambda: bool(beats.seen()), deadline_s=5, message="the worker is seen")
    thread.stop()

    (seen,) = beats.seen()
    assert seen.said.runs["heartbeat-queue"]["0.1"] == 1
    assert seen.said.runs["heartbeat-queue"]["0.02"] == 0
