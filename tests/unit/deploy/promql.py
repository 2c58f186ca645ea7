"""Holds PromQL queries against the metrics that there are."""

from collections.abc import Iterable, Mapping

import promql_parser
from promql_parser import AggModifierType, AggregateExpr, Expr, VectorSelector


def problems_of(query: str, known: Mapping[str, frozenset[str]]) -> list[str]:
    """What is wrong with a query: it cannot be parsed, or names a metric or a label that nobody exposes.

    Args:
        query: PromQL.
        known: the labels of each metric.
    """
    try:
        tree = promql_parser.parse(query)
    except ValueError as error:
        return [f"{query!r} cannot be parsed: {error}"]
    found: list[str] = []
    for selector in _selectors(tree):
        labels = known.get(selector.name or "")
        if labels is None:
            found.append(f"nobody exposes {selector.name}")
            continue
        wrong = {matcher.name for matcher in selector.matchers.matchers} - labels
        found += [f"{selector.name} has no label {label}" for label in sorted(wrong)]
    for aggregation in _aggregations(tree):
        modifier = aggregation.modifier
        if modifier is not None and modifier.type == AggModifierType.By:
            there = [known.get(selector.name or "", frozenset()) for selector in _selectors(aggregation.expr)]
            wrong = set(modifier.labels) - frozenset().union(*there)
            found += [f"nothing below has the label {label}: {query!r}" for label in sorted(wrong)]
    return found


def _selectors(tree: Expr) -> Iterable[VectorSelector]:
    return [node for node in _nodes(tree) if isinstance(node, VectorSelector)]


def _aggregations(tree: Expr) -> Iterable[AggregateExpr]:
    return [node for node in _nodes(tree) if isinstance(node, AggregateExpr)]


def _nodes(tree: Expr) -> list[Expr]:
    nodes: list[Expr] = []
    promql_parser.walk(tree, lambda node: nodes.append(node))
    return nodes
