"""Reading the answer of ``GET /health``."""

from collections.abc import Mapping
from typing import Any

from libs.cli.output import plain


def parts_of(answer: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Mapping[str, Any]]]:
    """Every part of the answer that has a status of its own, by its name."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    for name, value in answer.items():
        if isinstance(value, Mapping):
            label = plain(name if name not in {"parts", "services", "checks"} else "", longest=60)
            if "status" in value:
                found.append((f"{prefix}{label}", value))
            else:
                found += parts_of(value, prefix=prefix)
    return found
