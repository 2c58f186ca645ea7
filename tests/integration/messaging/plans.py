"""How MongoDB answers a question: by which indexes, and whether it reads anything else."""

from collections.abc import Iterator, Mapping
from typing import Any

from pymongo.database import Database

from libs.common.stores.mongo import Document


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
