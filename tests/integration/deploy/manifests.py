"""Overlays as `kubectl kustomize` renders them."""

from functools import cache
from typing import Any

import yaml

from tests.integration.deploy.tools import ROOT, run

Manifest = dict[str, Any]

OVERLAYS = ("trial", "production")


@cache
def rendered_text(overlay: str) -> str:
    """The overlay's manifests as text."""
    answer = run("kubectl", "kustomize", str(ROOT / "deploy" / "kubernetes" / "overlays" / overlay))
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@cache
def _rendered(overlay: str) -> tuple[Manifest, ...]:
    return tuple(yaml.load_all(rendered_text(overlay), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def rendered(overlay: str, *kinds: str) -> list[Manifest]:
    """The overlay's manifests, of these kinds or of all."""
    return [manifest for manifest in _rendered(overlay) if not kinds or manifest["kind"] in kinds]


def name_of(manifest: Manifest) -> str:
    """Its name."""
    return str(manifest["metadata"]["name"])


def pod_specs(overlay: str) -> dict[str, Manifest]:
    """The pods that the overlay runs, by the name of what runs them."""
    return {
        name_of(manifest): manifest["spec"]["template"]["spec"]
        for manifest in rendered(overlay, "Deployment", "StatefulSet")
    }
