"""The overlays pass the schemas of Kubernetes, KEDA and the Prometheus operator, and checkov's rules."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.deploy.manifests import OVERLAYS, name_of, rendered, rendered_text
from tests.integration.deploy.tools import ROOT, needs, needs_module, path_of, run

pytestmark = needs("kubectl")

KUBERNETES_VERSIONS = ("1.33", "1.35", "1.37")
CUSTOM = {"ScaledObject", "TriggerAuthentication", "PodMonitor", "PrometheusRule", "ExternalSecret"}
MODELS = {
    "ScaledObject": "cloudcoil.models.keda.v1alpha1",
    "TriggerAuthentication": "cloudcoil.models.keda.v1alpha1",
    "PodMonitor": "cloudcoil.models.prometheus_operator.v1",
    "PrometheusRule": "cloudcoil.models.prometheus_operator.v1",
}


@needs_module("kubernetes_validate")
@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_manifests_pass_kubernetes_s_schemas_strictly(overlay: str, version: str) -> None:
    import kubernetes_validate

    checked = 0
    for manifest in rendered(overlay):
        if manifest["kind"] not in CUSTOM:
            kubernetes_validate.validate(manifest, version, strict=True)
            checked += 1
    assert checked > 30


@needs_module("kubernetes_validate")
def test_a_field_that_does_not_exist_would_be_found() -> None:
    import kubernetes_validate

    [manifest] = rendered("trial", "Namespace")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**manifest, "spec": {"nonsense": 1}}, KUBERNETES_VERSIONS[-1], strict=True)


@needs_module("cloudcoil.models.keda")
@pytest.mark.parametrize("kind", MODELS)
def test_custom_objects_pass_their_schemas_and_have_no_unknown_field(kind: str) -> None:
    model = _model(kind)
    found = rendered("production", kind)
    assert found
    for manifest in found:
        read = model.model_validate(manifest)
        assert read.model_dump(mode="json", by_alias=True, exclude_unset=True) == manifest, name_of(manifest)


@needs_module("cloudcoil.models.keda")
def test_an_unknown_field_of_a_custom_object_would_be_found() -> None:
    manifest = rendered("production", "ScaledObject")[0]
    wrong = {**manifest, "spec": {**manifest["spec"], "pollingIntervall": 5}}
    read = _model("ScaledObject").model_validate(wrong)
    assert read.model_dump(mode="json", by_alias=True, exclude_unset=True) != wrong


@needs("checkov")
def test_checkov_finds_nothing_that_is_not_argued(tmp_path: Path) -> None:
    for overlay in OVERLAYS:
        (tmp_path / f"{overlay}.yaml").write_text(rendered_text(overlay))
    (tmp_path / "Dockerfile").write_text((ROOT / "deploy" / "image" / "Dockerfile").read_text())
    settings = str(ROOT / "deploy" / "checkov.yaml")
    answer = run(str(path_of("checkov")), "--config-file", settings, "--directory", str(tmp_path), timeout_s=300)
    reports: Any = json.loads(answer.stdout)
    assert {report["check_type"] for report in reports} == {"kubernetes", "dockerfile"}
    failed = [check for report in reports for check in report["results"]["failed_checks"]]
    assert [f"{check['check_id']} {check['resource']}" for check in failed] == []
    assert sum(report["summary"]["passed"] for report in reports) > 500


def _model(kind: str) -> Any:
    import importlib

    return getattr(importlib.import_module(MODELS[kind]), kind)
