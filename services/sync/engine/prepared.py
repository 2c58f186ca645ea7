"""What can be said of a row without knowing the leads; it is done while other rows are written."""

from collections.abc import Iterable
from typing import NamedTuple

from services.sync.rules.mapping import RowMapper
from services.sync.rules.rows import MappedRow, RowProblem, SourceRow


class PreparedRow(NamedTuple):
    """A row on its way to be written.

    Args:
        row: as its source gave it.
        fingerprint: see :meth:`RowMapper.fingerprint`; 0 for a row that was deleted at the source.
        mapped: the row in a lead's fields, or why it cannot be; ``None`` where that is not known yet, because most such
            rows turn out to be unchanged.
    """

    row: SourceRow
    fingerprint: int
    mapped: MappedRow | tuple[RowProblem, ...] | None

    @property
    def external_id(self) -> str:
        """The row's identity: its own, else its handle; empty where it has neither."""
        if self.row.external_id:
            return self.row.external_id
        return self.mapped.external_id if isinstance(self.mapped, MappedRow) else ""


class RowPreparer:
    """Prepares rows.

    Args:
        mapper: maps rows.
        maps_all: whether all rows are mapped at once, as is worth while in a first run; otherwise only those are that
            have no identity but their handle.
    """

    def __init__(self, mapper: RowMapper, *, maps_all: bool) -> None:
        self._mapper = mapper
        self._maps_all = maps_all

    def prepare(self, rows: Iterable[SourceRow]) -> list[PreparedRow]:
        """The rows, prepared, in their order."""
        return [self._prepared(row) for row in rows]

    def _prepared(self, row: SourceRow) -> PreparedRow:
        if row.removed:
            return PreparedRow(row, 0, None)
        fingerprint = self._mapper.fingerprint(row)
        if self._maps_all or not row.external_id:
            return PreparedRow(row, fingerprint, self._mapper.map_row(row, fingerprint=fingerprint))
        return PreparedRow(row, fingerprint, None)
