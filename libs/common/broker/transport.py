"""Runs the scripts on one server, behind sentinels or in a cluster, and loads them where Redis does not know them."""

# redis-py has no types for its cluster.
# mypy: allow-untyped-calls

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import hiredis
from redis import Redis
from redis import exceptions as redis_exceptions
from redis.exceptions import NoScriptError

from libs.common.broker import kept_connection
from libs.common.broker.cluster import as_cluster
from libs.common.broker.connection import is_read_only, redis_errors
from libs.common.broker.keys import QueueKeys
from libs.common.broker.scripts import script
from libs.common.errors import StoreUnavailable

Argument = bytes | str | int | float


@dataclass(frozen=True, slots=True)
class ScriptCall:
    """A script and what it is called with.

    Args:
        source: its text.
        sha: the SHA-1 by which Redis knows it.
        keys: the keys that it touches, all of one slot.
        arguments: what it is told.
    """

    source: str
    sha: str
    keys: Sequence[bytes | str]
    arguments: Sequence[Argument]

    @property
    def by_sha(self) -> tuple[Any, ...]:
        """The command that calls a script that Redis knows."""
        return "EVALSHA", self.sha, len(self.keys), *self.keys, *self.arguments

    @property
    def by_source(self) -> tuple[Any, ...]:
        """The command that calls a script and makes it known."""
        return "EVAL", self.source, len(self.keys), *self.keys, *self.arguments


def run_call(redis: "Redis", call: ScriptCall) -> Any:
    """The script's answer; sent a second time where the connection breaks.

    Raises:
        RedisError: what redis-py says.
    """
    try:
        return _send(redis, call.keys[0], call.by_sha)
    except NoScriptError:
        # Redis restarted, failed over, or its scripts were flushed.
        return _send(redis, call.keys[0], call.by_source)


def run_call_once(redis: "Redis", call: ScriptCall) -> Any:
    """The script's answer; where it does not come, the script may have run but is not sent again.

    Raises:
        RedisError: what redis-py says.
    """
    try:
        return _send_once(redis, call.keys[0], call.by_sha)
    except NoScriptError:
        return _send_once(redis, call.keys[0], call.by_source)


def run_calls(redis: "Redis", calls: Sequence[ScriptCall]) -> list[Any]:
    """The scripts' answers, asked for in one round trip per server; each may be sent a second time.

    Raises:
        RedisError: what redis-py says of the first that failed; the others may have run.
    """
    if len(calls) == 1:
        return [run_call(redis, calls[0])]
    pipeline = redis.pipeline(transaction=False)
    for call in calls:
        pipeline.execute_command(*call.by_sha, **_target(redis, call.keys[0]))
    answers: list[Any] = pipeline.execute(raise_on_error=False)
    for i, answer in enumerate(answers):
        if isinstance(answer, NoScriptError):
            answers[i] = run_call(redis, calls[i])
        elif isinstance(answer, Exception):
            raise answer
    return answers


class ScriptRunner:
    """Runs scripts on the keys of one queue; thread-safe as its client is.

    Args:
        redis: a client that answers bytes, of :func:`~libs.common.broker.connection.connect_redis`.
        keys: the queue's keys.
    """

    def __init__(self, redis: "Redis", keys: QueueKeys) -> None:
        self.redis = redis
        self.keys = keys

    def run(self, name: str, *arguments: Argument) -> Any:
        """The script's answer.

        Raises:
            StoreUnavailable: Redis is away; whether the script ran is then unknown. All but those marked ``ONCE`` may
                be run again: the second time they change nothing.
            QueueFull: Redis has no memory for more.
        """
        send = run_call_once if script(name).once else run_call
        with self._errors():
            return send(self.redis, self._call(name, arguments))

    def run_many(self, calls: Sequence[tuple[str, Sequence[Argument]]]) -> list[Any]:
        """The answers of several scripts, sent in one round trip; each is atomic on its own.

        Raises:
            StoreUnavailable: Redis is away; which of them ran is then unknown.
            QueueFull: Redis has no memory for more; some may have run.
        """
        with self._errors():
            return run_calls(self.redis, [self._call(name, arguments) for name, arguments in calls])

    def set_field(self, key: str, field: str, value: Argument) -> None:
        """Sets one field of one of the queue's hashes.

        Raises:
            StoreUnavailable: Redis is away.
        """
        with self._errors():
            self.redis.hset(self.keys[key], field, value)

    def read_events(self, after: str, *, wait_ms: int, count: int) -> list[tuple[bytes, dict[bytes, bytes]]]:
        """Entries of the queue's event stream after an id, oldest first.

        Raises:
            StoreUnavailable: Redis is away.
        """
        key = self.keys["events"]
        with self._errors():
            answer: Any = self.redis.xread({key: after}, count=count, block=wait_ms or None)
        return answer[0][1] if answer else []

    def forget_everything(self) -> None:
        """Deletes all keys of the queue.

        Raises:
            StoreUnavailable: Redis is away.
        """
        with self._errors():
            self.redis.unlink(*self.keys.all())

    def _call(self, name: str, arguments: Sequence[Argument]) -> ScriptCall:
        wanted = script(name)
        return ScriptCall(wanted.source, wanted.sha, self.keys.named(wanted.keys), arguments)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            with redis_errors():
                yield
        except StoreUnavailable as error:
            if is_read_only(error) and as_cluster(self.redis) is None:
                # The server was made a replica; its name, or the sentinels, lead new connections to the new master.
                self.redis.connection_pool.disconnect(inuse_connections=False)
            raise


def _target(redis: "Redis", key: bytes | str) -> dict[str, Any]:
    """Which node of a cluster has the key; without it redis-py asks the server, for each command of a pipeline."""
    cluster = as_cluster(redis)
    return {} if cluster is None else {"target_nodes": cluster.get_node_from_key(key)}


def _send(redis: "Redis", key: bytes | str, command: tuple[Any, ...]) -> Any:
    if as_cluster(redis) is not None:
        return redis.execute_command(*command)
    try:
        return _send_once(redis, key, command)
    except (redis_exceptions.ConnectionError, redis_exceptions.TimeoutError):
        return _send_once(redis, key, command)


def _send_once(redis: "Redis", key: bytes | str, command: tuple[Any, ...]) -> Any:
    if as_cluster(redis) is not None:
        # A command whose node is named is not repeated; redirections are followed, for then it has not run.
        return redis.execute_command(*command, **_target(redis, key))
    return kept_connection.call(redis, hiredis.pack_command(command))
