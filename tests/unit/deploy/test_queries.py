"""Rules and boards ask only for what the code exposes."""

from functools import cache

import promql_parser
import pytest
from promql_parser import AggModifierType, AggregateExpr, VectorSelector

from deploy.grafana.definitions import BOARDS
from tests.unit.deploy.exposed_metrics import exposed_metrics
from tests.unit.deploy.promql import problems_of
from tests.unit.deploy.rules import Rule, rules


def recorded() -> dict[str, frozenset[str]]:
    """The recorded series, with the labels that their outermost aggregation leaves."""
    series: dict[str, frozenset[str]] = {}
    for rule in rules():
        if not rule.is_alert:
            series[rule.name] = series.get(rule.name, frozenset()) | _labels_left(rule)
    return series


@cache
def known() -> dict[str, frozenset[str]]:
    return exposed_metrics() | recorded()


def _labels_left(rule: Rule) -> frozenset[str]:
    labels: set[str] = set(rule.labels)

    def note(node: promql_parser.Expr) -> None:
        if isinstance(node, AggregateExpr) and node.modifier and node.modifier.type == AggModifierType.By:
            labels.update(node.modifier.labels)

    promql_parser.walk(promql_parser.parse(rule.expr), note)
    return frozenset(labels - {"le"} if "histogram_quantile" in rule.expr else labels)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
def test_a_rule_asks_for_what_is_exposed(rule: Rule) -> None:
    assert problems_of(rule.expr, known()) == []


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_a_board_asks_for_what_is_exposed(board: object) -> None:
    assert isinstance(board, type(BOARDS[0]))
    chosen = {f"${variable.name}": "x" for variable in board.variables}
    for panel in board.panels:
        for query in panel.queries:
            expr = query.expr.replace("$__rate_interval", "5m")
            for name, value in chosen.items():
                expr = expr.replace(name, value)
            assert "$" not in expr, f"{panel.title}: a variable that the board does not have"
            assert problems_of(expr, known()) == [], panel.title
    for variable in board.variables:
        assert variable.label in known()[variable.metric]


def test_queries_that_ask_for_something_else_are_found() -> None:
    there = {"a": frozenset({"queue"})}
    assert problems_of("sum(b)", there) == ["nobody exposes b"]
    assert problems_of('a{line="x"}', there) == ["a has no label line"]
    assert problems_of("sum by (line) (rate(a[5m]))", there) != []
    assert problems_of("sum by (queue (a)", there) != []
    assert problems_of("sum by (queue) (rate(a[5m]))", there) == []


def test_the_metrics_of_every_service_are_known() -> None:
    there = exposed_metrics()
    for name in (
        "tuco_jobs_total",
        "tuco_queue_jobs",
        "tuco_messages_total",
        "tuco_lines",
        "tuco_schedule_ticks_total",
    ):
        assert name in there
    assert there["tuco_job_wait_seconds_bucket"] >= {"le", "queue"}


def test_no_metric_of_ours_is_labelled_by_something_without_bound() -> None:
    unbounded = {"job_id", "workspace_id", "line_id", "message_id", "lead_id", "user_id", "integration_id", "worker"}
    ours = {name: labels for name, labels in exposed_metrics().items() if name.startswith("tuco_")}
    assert len(ours) > 20
    assert {name: labels & unbounded for name, labels in ours.items() if labels & unbounded} == {}


def test_a_selector_without_a_name_is_not_overlooked() -> None:
    tree = promql_parser.parse('{queue="a"}')
    assert isinstance(tree, VectorSelector)
    assert problems_of('{queue="a"}', {"a": frozenset({"queue"})}) != []
