"""Which rows of a run are the first with their identity, for sources where an identity may occur twice."""

from collections.abc import Iterable, Sequence

from libs.common.stores.seen_rows import mark_of
from services.sync.engine.prepared import RowPreparer
from services.sync.rules.rows import SourceRow


class FirstRows:
    """Remembers the identities of a run's rows, in some eighty bytes each."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def is_first(self, external_id: str) -> bool:
        """Whether this identity has not been asked about before."""
        mark = int.from_bytes(mark_of(external_id))
        if mark in self._seen:
            return False
        self._seen.add(mark)
        return True

    def add_all(self, portions: Iterable[Sequence[SourceRow]], preparer: RowPreparer) -> None:
        """Remembers rows that an earlier attempt has written."""
        for rows in portions:
            for prepared in preparer.prepare(rows):
                if external_id := prepared.external_id:
                    self.is_first(external_id)
