"""What workers tell the bench, and how it is read."""

import os

import pytest

from benchmarks.queue.reports import Loaded, Pinged, Ran, ReportPipe, Started, parse


@pytest.mark.parametrize(
    ("line", "report"),
    [
        ("loaded 7 0 0", Loaded(7)),
        ("ran 7 120 5000", Ran(7, 120, 5_000)),
        ("pinged 7 850 0", Pinged(7, 850)),
        ("started 7 0 0", Started(7)),
    ],
)
def test_a_line_is_read_as_the_report_it_is(line: str, report: object) -> None:
    assert parse(line) == report


@pytest.mark.parametrize("line", ["finished 7 0 0", "ran 7", "", "ran seven 1 2"])
def test_another_line_is_no_report(line: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has its own words
        parse(line)


def test_a_report_that_comes_in_two_pieces_is_one_report() -> None:
    pipe = ReportPipe()
    os.write(pipe.write_end, b"ran 7 1 10\nran 7 2")
    first = list(pipe.read(within_s=0.05))
    os.write(pipe.write_end, b" 20\n")
    second = list(pipe.read(within_s=0.05))
    pipe.close()

    assert first == [Ran(7, 1, 10)]
    assert second == [Ran(7, 2, 20)]


def test_a_silent_pipe_is_read_no_longer_than_asked() -> None:
    pipe = ReportPipe()

    assert list(pipe.read(within_s=0.01)) == []
    pipe.close()
