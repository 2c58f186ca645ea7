from datetime import UTC, datetime, timedelta, timezone

import pytest

from libs.simulators.crm import instants

MOMENT = 1_706_745_599_040


def test_java_leaves_out_decimals_that_are_zero() -> None:
    assert instants.java(MOMENT) == "2024-01-31T23:59:59.040Z"
    assert instants.java(MOMENT - 40) == "2024-01-31T23:59:59Z"


def test_millis_always_has_three_decimals() -> None:
    assert instants.millis(MOMENT - 40, "+0000") == "2024-01-31T23:59:59.000+0000"


@pytest.mark.parametrize(
    "text",
    [
        "1706745599040",
        "2024-01-31T23:59:59.040Z",
        "2024-01-31T23:59:59.040+00:00",
        "2024-02-01T01:59:59.040+0200",
    ],
)
def test_a_moment_is_read_in_every_form_that_a_client_may_send(text: str) -> None:
    assert instants.parse(text) == MOMENT


@pytest.mark.parametrize("text", ["", "soon", "2024-13-01T00:00:00Z", "2024-01-31 23:59"])
def test_what_names_no_moment_is_none(text: str) -> None:
    assert instants.parse(text) is None


def test_a_datetime_is_read_in_any_zone() -> None:
    east = timezone(timedelta(hours=5))
    assert instants.from_datetime(datetime(2024, 2, 1, 4, 59, 59, 40_999, tzinfo=east)) == MOMENT
    assert instants.from_datetime(datetime(2024, 1, 31, 23, 59, 59, 40_000, tzinfo=UTC)) == MOMENT
