"""How MongoDB answers a question: by which indexes, and whether it reads anything else."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database
from pymongo.monitoring import CommandListener, CommandStartedEvent

from libs.common.stores.mongo import Document

_NOT_EXPLAINED = {"lsid", "$clusterTime", "$db", "txnNumber", "writeConcern", "readConcern", "$readPreference"}


class _Recorder(CommandListener):
    def __init__(self) -> None:
        self.commands: list[dict[str, object]] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.commands.append({k: v for k, v in event.command.items() if k not in _NOT_EXPLAINED})

    def succeeded(self, event: object) -> None: ...

    def failed(self, event: object) -> None: ...


@contextmanager
def watched(mongo_uri: str) -> Iterator[tuple[Database[Document], list[dict[str, object]]]]:
    """The database of ``mongo_uri``, and every command it is given, in a form that can be explained."""
    recorder = _Recorder()
    client: MongoClient[Document] = MongoClient(mongo_uri, tz_aware=True, event_listeners=[recorder])
    try:
        yield client.get_default_database(), recorder.commands
    finally:
        client.close()


def indexes_used(database: Database[Document], command: Mapping[str, Any]) -> set[str]:
    """The names of the indexes by which ``command`` (a find, update or aggregate) is answered.

    Raises:
        AssertionError: it scans the collection, or sorts what it found.
    """
    explained = database.command("explain", dict(command), verbosity="queryPlanner")
    stages = [stage for stage in _stages(explained) if "stage" in stage]
    names = {stage["stage"] for stage in stages}
    assert "COLLSCAN" not in names, f"scans the collection: {command}"
    assert "SORT" not in names, f"sorts in memory: {command}"
    return {stage["indexName"] for stage in stages if "indexName" in stage}


def _stages(node: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, Mapping):
        yield node
        for name, child in node.items():
            if name != "rejectedPlans":
                yield from _stages(child)
    elif isinstance(node, list):
        for child in node:
            yield from _stages(child)
