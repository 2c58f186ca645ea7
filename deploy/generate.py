"""`python -m deploy.generate`: writes every manifest that follows from the table of workloads and the job contracts.

What it writes is committed, so that it can be read, reviewed and applied without Python; a test fails where the two
differ. Whatever is not made of rows (network policies, overlays, alerts) is written by hand beside it.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.render.compose import compose_file
from deploy.render.keda import scaled_object
from deploy.render.kubernetes import Manifest, env_file, kustomization, manifests_of
from deploy.render.prometheus import objective_rules
from deploy.workloads import WORKERS, WORKLOADS, cluster_settings

FOLDER: Final = Path(__file__).resolve().parent

_HEADER: Final = "# Written by `python -m deploy.generate` from deploy/workloads.py and the job contracts.\n"
_RULES: Final = "prometheus/rules"
_BASE: Final = "kubernetes/base"
_KEDA: Final = "kubernetes/components/keda"


def generated_files() -> dict[str, str]:
    """Every generated file's text by its path in `deploy/`."""
    objectives = objective_rules(WORKERS)
    workloads = {f"{workload.name}.yaml": manifests_of(workload) for workload in WORKLOADS}
    scaled = {f"{worker.queue}.yaml": [scaled_object(worker)] for worker in WORKERS}
    return {
        "compose.yaml": _text(compose_file()),
        f"{_RULES}/objectives.yaml": _text(objectives),
        f"{_BASE}/settings.env": _HEADER + env_file(cluster_settings()),
        **_folder(f"{_BASE}/workloads", workloads),
        **_folder(f"{_KEDA}/scaled-objects", scaled),
        "kubernetes/components/alerts/rules.yaml": _text(*_prometheus_rules({"objectives.yaml": objectives})),
    }


def write(folder: Path = FOLDER) -> list[Path]:
    """Writes what differs; answers the files that it wrote."""
    written = []
    for name, text in generated_files().items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            written.append(path)
    return written


def _folder(path: str, files: Mapping[str, list[Manifest]]) -> dict[str, str]:
    return {
        f"{path}/kustomization.yaml": _text(kustomization(list(files))),
        **{f"{path}/{name}": _text(*manifests) for name, manifests in files.items()},
    }


def _prometheus_rules(generated: Mapping[str, Any]) -> list[Manifest]:
    """Each rule file as an object of the Prometheus operator; files written by hand are read."""
    by_hand = {path.name: yaml.safe_load(path.read_text()) for path in sorted((FOLDER / _RULES).glob("*.yaml"))}
    return [
        {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": {
                "name": f"tuco-{name.removesuffix('.yaml')}",
                "labels": {"app.kubernetes.io/part-of": "tuco-jobs"},
            },
            "spec": rules,
        }
        for name, rules in sorted({**by_hand, **generated}.items())
    ]


class _Dumper(yaml.SafeDumper):
    """Writes YAML as people do: lists are indented, and nothing is abbreviated by anchors."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - PyYAML's name
        """Indents lists too."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's name
        """Writes what comes twice twice."""
        return True


def _text(*documents: Any) -> str:
    bodies = [yaml.dump(each, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True) for each in documents]
    return _HEADER + "---\n".join(bodies)


def main() -> int:
    """Writes; answers the exit status."""
    for path in write():
        sys.stdout.write(f"{path.relative_to(FOLDER.parent)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
