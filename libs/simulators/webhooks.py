"""Calling the webhooks that a provider's users registered, from inside a simulator."""

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Mapping

import aiohttp
import msgspec

KEPT_POSTS = 100_000

_log = logging.getLogger(__name__)


class Post(msgspec.Struct):
    """One webhook call.

    Attributes:
        number: its place, from 1.
        target: which line's webhook it is.
        url: where it went.
        event: the provider's name of the event.
        status: the HTTP status of the answer; 0 while there is none, and when the receiver could not be reached.
        attempts: how often it was tried.
    """

    number: int
    target: str
    url: str
    event: str
    status: int = 0
    attempts: int = 0


class Courier:
    """Posts JSON to webhooks, each on its own, and keeps a list of what became of it.

    Args:
        attempts: how often a post is tried until an answer below 500 comes; 1 for a provider that does not try again.
        pause_s: the pause between two attempts, in seconds.
        timeout_s: how long an answer may take, in seconds.
    """

    def __init__(self, *, attempts: int = 1, pause_s: float = 0.2, timeout_s: float = 10.0) -> None:
        self._attempts = attempts
        self._pause_s = pause_s
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None
        self._numbers = itertools.count(1)
        self._under_way: set[asyncio.Task[None]] = set()
        self._posts: deque[Post] = deque(maxlen=KEPT_POSTS)

    def send(self, *, target: str, url: str, event: str, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Post a body of JSON; returns at once."""
        post = Post(next(self._numbers), target, url, event)
        self._posts.append(post)
        task = asyncio.get_running_loop().create_task(self._deliver(post, body, dict(headers or {})))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    @property
    def is_busy(self) -> bool:
        """Whether any post is still under way."""
        return bool(self._under_way)

    def posts(self, *, event: str | None = None) -> list[Post]:
        """The posts so far, of all events or of one; may be used from another thread."""
        return [post for post in list(self._posts) if event in {None, post.event}]

    async def close(self) -> None:
        """Drop what is under way."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _deliver(self, post: Post, body: bytes, headers: dict[str, str]) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout, connector=aiohttp.TCPConnector(limit=100), trust_env=False
            )
        headers["Content-Type"] = "application/json"
        for attempt in range(1, self._attempts + 1):
            if attempt > 1:
                await asyncio.sleep(self._pause_s)
            post.attempts = attempt
            try:
                async with self._session.post(post.url, data=body, headers=headers) as response:
                    post.status = response.status
            except (aiohttp.ClientError, TimeoutError) as error:
                _log.debug("Webhook %s was not delivered: %r", post.event, error)
                continue
            if post.status < 500:
                return
