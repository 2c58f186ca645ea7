"""Many processes' metrics in one text."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, Summary, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from services.gateway.exposition import Merger, UnreadableMetricsError

A = {"service": "sync", "instance": "a:1"}
B = {"service": "sync", "instance": "b:1"}


def merged(*parts: tuple[str, dict[str, str]]) -> str:
    merger = Merger()
    for text, labels in parts:
        merger.add(text, labels)
    return merger.text()


def test_each_process_keeps_its_own_samples() -> None:
    text = "# HELP jobs Jobs done.\n# TYPE jobs counter\njobs_total 3\n"

    assert merged((text, A), (text, B)) == (
        "# HELP jobs Jobs done.\n"
        "# TYPE jobs counter\n"
        'jobs_total{service="sync",instance="a:1"} 3\n'
        'jobs_total{service="sync",instance="b:1"} 3\n'
    )


def test_labels_of_a_sample_stay() -> None:
    assert merged(('jobs{queue="q",state="x"} 1 1700000000000\n', A)) == (
        'jobs{service="sync",instance="a:1",queue="q",state="x"} 1 1700000000000\n'
    )


def test_a_label_of_the_same_name_is_kept_as_exported() -> None:
    assert merged(('up{instance="db:1",x="instance=1"} 1\n', A)) == (
        'up{service="sync",instance="a:1",exported_instance="db:1",x="instance=1"} 1\n'
    )


def test_values_with_braces_quotes_and_backslashes_survive() -> None:
    line = r'errors{text="a } \"b\" \\ {c,d=\"e\"} \n"} 2'

    assert merged((line, {"service": "s"})) == r'errors{service="s",text="a } \"b\" \\ {c,d=\"e\"} \n"} 2' + "\n"


def test_our_labels_are_escaped() -> None:
    assert merged(("x 1", {"service": 'a"b\\c\nd'})) == 'x{service="a\\"b\\\\c\\nd"} 1\n'


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", "1e-05", "1.5E+3", "-3"])
def test_every_value_survives(value: str) -> None:
    assert merged((f"x {value}\n", {"service": "s"})) == f'x{{service="s"}} {value}\n'


@pytest.mark.parametrize(
    "text",
    ["<html>", "x", "x{", 'x{a="b} 1', "x 1 2 3", "1x 1", '{"json": true}', "x{a=b} 1", "x one", 'x{a="b" c="d"} 1'],
)
def test_what_is_no_exposition_is_refused_and_leaves_nothing(text: str) -> None:
    merger = Merger()

    with pytest.raises(UnreadableMetricsError):
        merger.add(f"good 1\n{text}\n", A)
    assert merger.text() == ""


def test_spaces_and_a_last_comma_among_labels_do_not_matter() -> None:
    assert merged(('x{ a = "1" , instance = "2", } 5', B)) == (
        'x{service="sync",instance="b:1",a="1" , exported_instance="2"} 5\n'
    )


def test_comments_and_empty_lines_are_left_out() -> None:
    assert merged(("# just a remark\n\n#\nx 1\n\n", {"service": "s"})) == 'x{service="s"} 1\n'


def test_no_text_is_no_metrics() -> None:
    assert merged(("", A)) == ""


def test_every_kind_of_metric_reads_back_with_each_process_apart() -> None:
    text = _everything()

    families = {family.name: family for family in text_string_to_metric_families(merged((text, A), (text, B)))}
    alone = {family.name: family for family in text_string_to_metric_families(text)}

    assert families.keys() == alone.keys()
    for name, family in families.items():
        assert (family.type, family.documentation) == (alone[name].type, alone[name].documentation)
        assert len(family.samples) == 2 * len(alone[name].samples)
        for sample in alone[name].samples:
            for labels in (A, B):
                same = [s for s in family.samples if (s.name, s.labels) == (sample.name, sample.labels | labels)]
                assert [s.value for s in same] == [sample.value]


def _everything() -> str:
    registry = CollectorRegistry()
    Counter("requests", "Requests.", ("path",), registry=registry).labels('/a{b}"c"').inc(2)
    Gauge("depth", "Depth.\nTwo lines.", registry=registry).set(-1.5)
    Histogram("seconds", "Seconds.", ("route",), registry=registry).labels("x").observe(0.3)
    Summary("bytes", "Bytes.", registry=registry).observe(10)
    Info("build", "Build.", registry=registry).info({"version": "1"})
    return generate_latest(registry).decode()
