"""Medians, ratios, and the file that others read."""

import json
import math
from pathlib import Path

from benchmarks.queue.results import Result, Sample, summarize, write_json


def test_the_median_of_the_rounds_counts() -> None:
    results = summarize([Sample("drain_1", "tuco-jobs", value) for value in (10.0, 90.0, 20.0)])

    assert [result.value for result in results] == [20.0]


def test_each_number_is_compared_with_bullmq_of_the_same_run() -> None:
    results = summarize([Sample("drain_1", "tuco-jobs", 30.0), Sample("drain_1", "bullmq", 20.0)])

    assert {result.peer: result.ratio_to_bullmq for result in results} == {"tuco-jobs": 1.5, "bullmq": 1.0}


def test_without_bullmq_there_is_no_ratio() -> None:
    assert summarize([Sample("drain_1", "tuco-jobs", 30.0)]) == [
        Result("drain_1", "tuco-jobs", 30.0, "jobs/s", None),
    ]


def test_what_did_not_come_has_neither_number_nor_ratio() -> None:
    results = summarize([Sample("recovery_s", "rq", math.inf), Sample("recovery_s", "bullmq", 40.0)])

    assert results[0] == Result("recovery_s", "rq", None, "s", None)


def test_where_bullmq_did_not_come_back_there_is_no_ratio() -> None:
    results = summarize([Sample("recovery_s", "tuco-jobs", 14.0), Sample("recovery_s", "bullmq", math.inf)])

    assert results[0].ratio_to_bullmq is None


def test_rows_come_in_the_order_of_the_table() -> None:
    samples = [Sample(row, "tuco-jobs", 1.0) for row in ("groups_1", "enqueue_one", "drain_3")]

    assert [result.row for result in summarize(samples)] == ["enqueue_one", "drain_3", "groups_1"]


def test_the_file_is_a_list_of_objects_with_the_agreed_names(tmp_path: Path) -> None:
    write_json(summarize([Sample("enqueue_one", "tuco-jobs", 9_000.0)]), tmp_path / "bench.json")

    assert json.loads((tmp_path / "bench.json").read_text()) == [
        {"row": "enqueue_one", "peer": "tuco-jobs", "value": 9000.0, "unit": "jobs/s", "ratio_to_bullmq": None}
    ]
