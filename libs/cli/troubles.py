"""What is wrong, as `GET /troubles` says it, for a person."""

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from libs.cli.output import plain

_STYLES: Final = {"alarm": "bold red", "warning": "yellow", "note": "dim"}


def troubles_view(answer: Mapping[str, Any]) -> RenderableType:
    """The verdict, and below it each trouble with what to do about it."""
    found = [each for each in answer.get("troubles") or [] if isinstance(each, Mapping)]
    worst = str(found[0].get("severity")) if found else ""
    lines = [Text(plain(answer.get("verdict", "?"), longest=200), style=_STYLES.get(worst, "bold green"))]
    for each in found:
        severity = plain(each.get("severity", "?"), longest=20)
        lines.append(
            Text.assemble(
                (f"{severity:<8} ", _STYLES.get(severity, "")),
                f"{plain(each.get('text', ''))} ",
                (plain(each.get("advice", "")), "dim"),
            )
        )
    return Group(*lines)


def needs_a_person(answer: Mapping[str, Any]) -> bool:
    """Whether work does not get done."""
    return any(each.get("severity") == "alarm" for each in answer.get("troubles") or [])
