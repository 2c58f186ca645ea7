"""Every alert says who is called, has a page that says what to do, and a test that lets it ring."""

import re

import pytest

from tests.unit.deploy.rules import ROOT, Rule, alerts, rule_tests

RUNBOOKS = ROOT / "docs" / "runbooks"


def kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)
def test_an_alert_says_who_is_called_and_where_to_read_on(alert: Rule) -> None:
    assert alert.labels["severity"] in {"page", "ticket"}
    assert alert.annotations["summary"]
    page = ROOT / alert.annotations["runbook"]
    assert page.name in {f"{kebab(alert.name)}.md", f"{kebab(alert.name.removesuffix('Slowly'))}.md"}
    text = page.read_text()
    for heading in ("## What it means", "## Look", "## Mend"):
        assert heading in text, f"{page.name} has no {heading!r}"


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)
def test_an_alert_rings_in_a_test(alert: Rule) -> None:
    rings = [
        expectation
        for test in rule_tests()
        for expectation in test.get("alert_rule_test", [])
        if expectation["alertname"] == alert.name and expectation["exp_alerts"]
    ]
    assert rings


def test_there_is_no_page_for_an_alert_that_is_gone() -> None:
    asked_for = {ROOT / alert.annotations["runbook"] for alert in alerts()}
    pages = {path for path in RUNBOOKS.glob("*.md") if "Alert: `" in path.read_text()}
    assert pages == asked_for


def test_alerts_have_names_of_their_own() -> None:
    names = [alert.name for alert in alerts()]
    assert len(names) == len(set(names))
