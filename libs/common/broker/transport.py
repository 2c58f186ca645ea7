"""Runs the scripts on Redis, and loads them where Redis does not know them."""

from collections.abc import Sequence
from typing import Any

from redis import Redis
from redis.exceptions import NoScriptError

from libs.common.broker.connection import redis_errors
from libs.common.broker.keys import QueueKeys
from libs.common.broker.scripts import script

Argument = bytes | str | int | float


class ScriptRunner:
    """Runs scripts on the keys of one queue; thread-safe as its client is.

    Args:
        redis: a client that answers bytes.
        keys: the queue's keys.
    """

    def __init__(self, redis: "Redis", keys: QueueKeys) -> None:
        self.redis = redis
        self.keys = keys

    def run(self, name: str, *arguments: Argument) -> Any:
        """The script's answer.

        Raises:
            StoreUnavailable: Redis is away; whether the script ran is then unknown.
            QueueFull: Redis has no memory for more.
        """
        wanted = script(name)
        declared = self.keys.named(wanted.keys)
        with redis_errors():
            try:
                return self.redis.evalsha(wanted.sha, len(declared), *declared, *arguments)
            except NoScriptError:
                # Redis restarted or its scripts were flushed. EVAL also makes it known again.
                return self.redis.eval(wanted.source, len(declared), *declared, *arguments)

    def run_many(self, calls: Sequence[tuple[str, Sequence[Argument]]]) -> list[Any]:
        """The answers of several scripts, sent in one round trip; each is atomic on its own.

        Raises:
            StoreUnavailable: Redis is away; which of them ran is then unknown.
            QueueFull: Redis has no memory for more; those before have run.
        """
        if len(calls) == 1:
            return [self.run(calls[0][0], *calls[0][1])]
        with redis_errors():
            pipeline = self.redis.pipeline(transaction=False)
            for name, arguments in calls:
                wanted = script(name)
                declared = self.keys.named(wanted.keys)
                pipeline.evalsha(wanted.sha, len(declared), *declared, *arguments)
            answers: list[Any] = pipeline.execute(raise_on_error=False)
            for i, answer in enumerate(answers):
                if isinstance(answer, NoScriptError):
                    answers[i] = self.run(calls[i][0], *calls[i][1])
                elif isinstance(answer, Exception):
                    raise answer
        return answers

    def set_field(self, key: str, field: str, value: Argument) -> None:
        """Sets one field of one of the queue's hashes.

        Raises:
            StoreUnavailable: Redis is away.
        """
        with redis_errors():
            self.redis.hset(self.keys[key], field, value)

    def read_events(self, after: str, *, wait_ms: int, count: int) -> list[tuple[bytes, dict[bytes, bytes]]]:
        """Entries of the queue's event stream after an id, oldest first.

        Raises:
            StoreUnavailable: Redis is away.
        """
        key = self.keys["events"]
        with redis_errors():
            answer: Any = self.redis.xread({key: after}, count=count, block=wait_ms or None)
        return answer[0][1] if answer else []

    def forget_everything(self) -> None:
        """Deletes all keys of the queue.

        Raises:
            StoreUnavailable: Redis is away.
        """
        with redis_errors():
            self.redis.unlink(*self.keys.all())
