"""Prometheus's own tools accept the rules, the settings and the rules' tests."""

from pathlib import Path

from tests.integration.deploy.tools import ROOT, needs, run

PROMETHEUS = ROOT / "deploy" / "prometheus"


def files(folder: str) -> list[str]:
    return [str(path) for path in sorted((PROMETHEUS / folder).glob("*.yaml"))]


@needs("promtool", package="prometheus")
def test_the_rules_are_rules() -> None:
    answer = run("promtool", "check", "rules", *files("rules"))
    assert answer.returncode == 0, answer.stdout + answer.stderr


@needs("promtool", package="prometheus")
def test_the_rules_do_what_their_tests_say() -> None:
    answer = run("promtool", "test", "rules", *files("tests"))
    assert answer.returncode == 0, answer.stdout + answer.stderr


@needs("promtool", package="prometheus")
def test_a_rule_test_can_fail(tmp_path: Path) -> None:
    text = (PROMETHEUS / "tests" / "stores.yaml").read_text().replace("../rules", str(PROMETHEUS / "rules"))
    wrong = tmp_path / "stores.yaml"
    wrong.write_text(text.replace("{severity: page}", "{severity: ticket}"))
    assert run("promtool", "test", "rules", str(wrong)).returncode != 0


@needs("promtool", package="prometheus")
def test_the_settings_for_compose_are_settings() -> None:
    answer = run("promtool", "check", "config", "--syntax-only", str(PROMETHEUS / "prometheus.yml"))
    assert answer.returncode == 0, answer.stdout + answer.stderr


@needs("amtool", package="prometheus-alertmanager")
def test_alerts_are_routed_by_whether_somebody_is_called() -> None:
    settings = str(ROOT / "deploy" / "alertmanager" / "alertmanager.yml")
    assert run("amtool", "check-config", settings).returncode == 0
    for severity, receiver in (("page", "pages"), ("ticket", "tickets")):
        answer = run("amtool", "config", "routes", "test", f"--config.file={settings}", f"severity={severity}")
        assert answer.stdout.strip() == receiver
