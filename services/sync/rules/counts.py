"""What a run counts."""

import msgspec


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Rows by what became of them. Their sum is ``fetched``.

    Args:
        fetched: rows that the source gave.
        created: rows that made a lead.
        updated: rows that changed one.
        unchanged: rows that brought nothing new.
        skipped: rows that are not meant to come: deleted at the source and never a lead here, or repeated.
        failed: rows that could not become a lead; ``syncErrors`` says why.
    """

    fetched: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            fetched=self.fetched + other.fetched,
            created=self.created + other.created,
            updated=self.updated + other.updated,
            unchanged=self.unchanged + other.unchanged,
            skipped=self.skipped + other.skipped,
            failed=self.failed + other.failed,
        )
