"""Counting in a worker process."""

import threading
import time

from benchmarks.queue.reports import Loaded, Pinged, Ran, Report, ReportPipe, Started
from benchmarks.queue.tally import Tally, now_us


def read_until(pipe: ReportPipe, count: int) -> list[Report]:
    """Reports until so many jobs were told, or ten seconds have passed."""
    reports: list[Report] = []
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        reports += pipe.read(within_s=0.02)
        if any(isinstance(report, Ran) and report.count >= count for report in reports):
            break
    return reports


def test_no_job_is_lost_when_many_threads_count() -> None:
    pipe = ReportPipe()
    tally = Tally(pipe.write_end)
    began = now_us()

    def run_many() -> None:
        for _ in range(500):
            tally.ran()

    threads = [threading.Thread(target=run_many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended = now_us()

    last = [report for report in read_until(pipe, 4_000) if isinstance(report, Ran)][-1]
    assert last.count == 4_000
    assert began <= last.last_us <= ended


def test_what_happens_once_is_told_at_once() -> None:
    pipe = ReportPipe()
    tally = Tally(pipe.write_end)
    tally.loaded()
    tally.started()
    tally.pinged(now_us() - 2_000)
    loaded, started, pinged = pipe.read(within_s=0.05)

    assert isinstance(loaded, Loaded)
    assert isinstance(started, Started)
    assert isinstance(pinged, Pinged)
    assert pinged.after_us >= 2_000
