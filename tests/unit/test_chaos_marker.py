"""Long fault tests run only when asked for."""

from types import SimpleNamespace
from typing import cast

import pytest

from tests.conftest import pytest_collection_modifyitems


def _kept(mark_expression: str) -> tuple[list[str], list[str]]:
    """Names of the tests that stay and that are deselected, of one long fault test and one other."""
    items = [
        SimpleNamespace(name="long", get_closest_marker=lambda name: name == "chaos" or None),
        SimpleNamespace(name="short", get_closest_marker=lambda _name: None),
    ]
    deselected: list[SimpleNamespace] = []
    config = SimpleNamespace(
        option=SimpleNamespace(markexpr=mark_expression),
        hook=SimpleNamespace(pytest_deselected=lambda items: deselected.extend(items)),
    )
    pytest_collection_modifyitems(cast("pytest.Config", config), cast("list[pytest.Item]", items))
    return [item.name for item in items], [item.name for item in deselected]


def test_a_long_fault_test_is_left_out_when_nobody_asks() -> None:
    assert _kept("") == (["short"], ["long"])


def test_a_long_fault_test_is_left_to_a_mark_expression_that_names_it() -> None:
    assert _kept("chaos or not chaos") == (["long", "short"], [])
