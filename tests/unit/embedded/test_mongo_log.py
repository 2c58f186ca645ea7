"""mongod's log for people."""

import pytest

from libs.embedded.mongo_log import readable

IN_USE = (
    '{"t":{"$date":"2025-03-01T10:00:00.000+00:00"},"s":"E","c":"CONTROL","id":20568,"ctx":"initandlisten",'
    '"msg":"Error setting up listener","attr":{"error":"Address already in use"}}'
)


def test_an_entry_is_shown_as_time_severity_component_message_and_details() -> None:
    assert readable(IN_USE) == (
        '2025-03-01T10:00:00.000+00:00 E CONTROL Error setting up listener {"error": "Address already in use"}'
    )


def test_an_entry_without_details_ends_with_its_message() -> None:
    line = '{"t":{"$date":"2025-03-01"},"s":"I","c":"CONTROL","msg":"Now exiting"}'
    assert readable(line) == "2025-03-01 I CONTROL Now exiting"


@pytest.mark.parametrize("line", ["", "mongod: error while loading shared libraries", "[1]", '{"t":1}', '{"t":{}}'])
def test_a_line_that_is_no_entry_is_left_as_it_is(line: str) -> None:
    assert readable(line) == line


def test_an_endless_entry_is_cut() -> None:
    line = IN_USE.replace("Address already in use", "x" * 10_000)
    assert len(readable(line)) < 500
