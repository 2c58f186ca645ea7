"""The rule files, read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
PROMETHEUS = ROOT / "deploy" / "prometheus"


@dataclass(frozen=True, slots=True)
class Rule:
    """A recording rule or an alert."""

    name: str
    expr: str
    is_alert: bool
    labels: dict[str, str]
    annotations: dict[str, str]


def rules() -> list[Rule]:
    """Every rule of every file."""
    return [
        Rule(
            name=rule.get("alert") or rule["record"],
            expr=rule["expr"],
            is_alert="alert" in rule,
            labels=rule.get("labels", {}),
            annotations=rule.get("annotations", {}),
        )
        for path in sorted((PROMETHEUS / "rules").glob("*.yaml"))
        for group in _read(path)["groups"]
        for rule in group["rules"]
    ]


def alerts() -> list[Rule]:
    """The alerts."""
    return [rule for rule in rules() if rule.is_alert]


def rule_tests() -> list[dict[str, Any]]:
    """Every test of every promtool file."""
    return [test for path in sorted((PROMETHEUS / "tests").glob("*.yaml")) for test in _read(path)["tests"]]


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content
