"""Runs the scripts on one server, behind sentinels or in a cluster, and loads them where Redis does not know them."""

# redis-py has no types for its cluster.
# mypy: allow-untyped-calls

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn, cast

import hiredis
from redis import Redis
from redis import exceptions as redis_exceptions
from redis.exceptions import NoScriptError

from libs.common.broker import kept_connection
from libs.common.broker.cluster import as_cluster
from libs.common.broker.connection import REDIS_ERRORS, is_read_only, raise_ours
from libs.common.broker.keys import QueueKeys
from libs.common.broker.scripts import script

Argument = bytes | str | int | float


class BoundScript:
    """A script with the keys that it touches, ready for arguments.

    Args:
        source: its text.
        sha: the SHA-1 by which Redis knows it.
        keys: the keys, all of one slot.
    """

    def __init__(self, source: str, sha: str, keys: Sequence[bytes | str]) -> None:
        self.key = keys[0]
        self._source = source
        self._sha = sha
        self._keys = (len(keys), *keys)

    def by_sha(self, arguments: Sequence[Argument]) -> tuple[Any, ...]:
        """The command that calls a script that Redis knows."""
        return "EVALSHA", self._sha, *self._keys, *arguments

    def by_source(self, arguments: Sequence[Argument]) -> tuple[Any, ...]:
        """The command that calls a script and makes it known."""
        return "EVAL", self._source, *self._keys, *arguments

    def packed(self, arguments: Sequence[Argument]) -> bytes:
        """:meth:`by_sha` as it goes over the wire (https://redis.io/docs/latest/develop/reference/protocol-spec/)."""
        words, start = self._start
        return b"*%d\r\n%b%b" % (words + len(arguments), start, _packed_words(arguments))

    @cached_property
    def _start(self) -> tuple[int, bytes]:
        start = self.by_sha(())
        return len(start), _packed_words(start)


@dataclass(frozen=True, slots=True)
class ScriptCall:
    """A script and what it is called with."""

    script: BoundScript
    arguments: Sequence[Argument]


def _packed_words(words: Sequence[Argument]) -> bytes:
    command: bytes = hiredis.pack_command(cast("Any", tuple(words)))
    return command[command.index(b"\n") + 1 :]


def run_call(redis: "Redis", call: ScriptCall) -> Any:
    """The script's answer; sent a second time where the connection breaks.

    Raises:
        RedisError: what redis-py says.
    """
    if as_cluster(redis) is not None:
        return _on_a_cluster(redis, call, {})
    try:
        return _on_a_server(redis, call)
    except (redis_exceptions.ConnectionError, redis_exceptions.TimeoutError):
        return _on_a_server(redis, call)


def run_call_once(redis: "Redis", call: ScriptCall) -> Any:
    """The script's answer; where it does not come, the script may have run but is not sent again.

    Raises:
        RedisError: what redis-py says.
    """
    if as_cluster(redis) is not None:
        # A command whose node is named is not repeated; redirections are followed, for then it has not run.
        return _on_a_cluster(redis, call, _target(redis, call.script.key))
    return _on_a_server(redis, call)


def _on_a_server(redis: "Redis", call: ScriptCall) -> Any:
    try:
        return kept_connection.call(redis, call.script.packed(call.arguments))
    except NoScriptError:
        # Redis restarted, failed over, or its scripts were flushed.
        return kept_connection.call(redis, hiredis.pack_command(call.script.by_source(call.arguments)))


def _on_a_cluster(redis: "Redis", call: ScriptCall, target: dict[str, Any]) -> Any:
    try:
        return redis.execute_command(*call.script.by_sha(call.arguments), **target)
    except NoScriptError:
        return redis.execute_command(*call.script.by_source(call.arguments), **target)


def run_calls(redis: "Redis", calls: Sequence[ScriptCall]) -> list[Any]:
    """The scripts' answers, asked for in one round trip per server; each may be sent a second time.

    Raises:
        RedisError: what redis-py says of the first that failed; the others may have run.
    """
    if len(calls) == 1:
        return [run_call(redis, calls[0])]
    pipeline = redis.pipeline(transaction=False)
    for call in calls:
        pipeline.execute_command(*call.script.by_sha(call.arguments), **_target(redis, call.script.key))
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
        self._scripts: dict[str, BoundScript] = {}

    def run(self, name: str, *arguments: Argument) -> Any:
        """The script's answer.

        Raises:
            StoreUnavailable: Redis is away; whether the script ran is then unknown. All but those marked ``ONCE`` may
                be run again: the second time they change nothing.
            QueueFull: Redis has no memory for more.
        """
        call = self._call(name, arguments)
        try:
            return run_call_once(self.redis, call) if script(name).once else run_call(self.redis, call)
        except REDIS_ERRORS as error:
            self._raise_ours(error)

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

    def take_marker(self, *, wait_s: float) -> bool:
        """Waits for the queue's marker and takes it; whether it came in time.

        Args:
            wait_s: how long to wait, in seconds; less than the client's time-out.

        Raises:
            StoreUnavailable: Redis is away.
        """
        command: Any = "BZPOPMIN", self.keys["wake"], wait_s
        with self._errors():
            if as_cluster(self.redis) is not None:
                return bool(self.redis.execute_command(*command))
            return bool(kept_connection.call(self.redis, hiredis.pack_command(command)))

    def forget_everything(self) -> None:
        """Deletes all keys of the queue.

        Raises:
            StoreUnavailable: Redis is away.
        """
        with self._errors():
            self.redis.unlink(*self.keys.all())

    def _call(self, name: str, arguments: Sequence[Argument]) -> ScriptCall:
        bound = self._scripts.get(name)
        if bound is None:
            wanted = script(name)
            bound = self._scripts[name] = BoundScript(wanted.source, wanted.sha, self.keys.named(wanted.keys))
        return ScriptCall(bound, arguments)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except REDIS_ERRORS as error:
            self._raise_ours(error)

    def _raise_ours(self, error: Exception) -> NoReturn:
        if is_read_only(error) and as_cluster(self.redis) is None:
            # The server was made a replica; its name, or the sentinels, lead new connections to the new master.
            self.redis.connection_pool.disconnect(inuse_connections=False)
        raise_ours(error)


def _target(redis: "Redis", key: bytes | str) -> dict[str, Any]:
    """Which node of a cluster has the key; without it redis-py asks the server, for each command of a pipeline."""
    cluster = as_cluster(redis)
    return {} if cluster is None else {"target_nodes": cluster.get_node_from_key(key)}
