"""The stage of the sync workers' tests."""

from tests.end_to_end.sync.conftest import stage

__all__ = ["stage"]
