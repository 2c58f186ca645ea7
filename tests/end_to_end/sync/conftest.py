"""Fixtures of the sync workers' tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo.database import Database

from libs.common.stores.mongo import Document
from tests.end_to_end.sync.stage import Stage


@pytest.fixture
def stage(redis_url: str, mongo_uri: str, mongo_database: Database[Document], tmp_path: Path) -> Iterator[Stage]:
    """An empty stage whose workers end with the test."""
    stage = Stage(mongo_database, redis_url=redis_url, mongo_uri=mongo_uri, folder=tmp_path)
    yield stage
    stage.stop_all()
