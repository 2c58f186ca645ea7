"""The thread that reads changes for webhooks, on a feed of the test's own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from structlog.testing import capture_logs

from libs.common.errors import StoreUnavailable
from services.gateway.webhooks.feed import FeedThread
from tests.waiting import wait_until


class FeedWithoutRedis:
    """Reads, but cannot ask the queue."""

    def __init__(self) -> None:
        self.did: list[str] = []

    def run_once(self, *, stopping: Callable[[], bool]) -> int:
        self.did.append("read")
        return 0

    def sweep(self) -> int:
        self.did.append("swept")
        raise StoreUnavailable("redis", "away")


class Lock:
    """Is always free."""

    @contextmanager
    def held(self, name: str, *, lease: timedelta, patience: timedelta) -> Iterator[None]:
        yield


def test_changes_are_read_while_redis_is_away_and_a_failed_sweep_is_told_and_not_repeated_at_once() -> None:
    feed: Any = FeedWithoutRedis()
    lock: Any = Lock()
    thread = FeedThread(feed, lock, rest_s=0.001)

    with capture_logs() as told:
        thread.start()
        try:
            wait_until(lambda: feed.did.count("read") >= 3, deadline_s=5, message="changes are not read")
        finally:
            thread.stop()

    assert feed.did.count("swept") == 1
    assert [(each["event"], each["log_level"]) for each in told] == [("webhooks.sweep_failed", "warning")]
