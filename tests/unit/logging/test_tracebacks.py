"""Errors are logged with where they happened, never with what was in the variables there."""

import io
import logging
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from libs.common.logging import get_logger, set_up_logging
from libs.common.settings import Settings


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Puts back what set_up_logging changes for the whole process."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_says_where_but_not_what_was_in_the_variables(log_format: Literal["json", "console"]) -> None:
    stream = io.StringIO()
    set_up_logging(Settings(log_format=log_format), service="tests", stream=stream)

    try:
        _fail(password="s3" + "cr3t")
    except ValueError:
        get_logger("unseen." + log_format).exception("request.failed")

    said = stream.getvalue()
    assert "request.failed" in said
    assert "_fail" in said
    assert "ValueError" in said
    assert "s3cr3t" not in said


def _fail(password: str) -> None:
    held = password
    raise ValueError(f"a failure beside {len(held)} characters")
