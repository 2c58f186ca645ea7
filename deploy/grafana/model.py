"""What a board consists of, and its JSON as Grafana 11 reads it."""

from dataclasses import dataclass, field
from typing import Any, Final

_COLUMNS: Final = 24
_HEIGHT: Final = 8


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL query and how its series are called.

    Args:
        expr: the query; ``$variable`` stands for what the reader chose.
        legend: a series' name, with ``{{label}}`` for a label's value.
    """

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A graph, a number or a heat map.

    Args:
        title: what it shows.
        queries: where it comes from.
        unit: Grafana's name of the unit: `s`, `ops`, `percentunit`, `short`, `bytes`.
        kind: `timeseries`, `stat` or `heatmap`.
        width: of 24 columns.
        about: what a reader should know, and what is wrong when it looks wrong.
        stacked: whether the series add up.
    """

    title: str
    queries: tuple[Query, ...]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 12
    about: str = ""
    stacked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """What the reader may choose: the values of a label.

    Args:
        name: as it is used in queries.
        metric: the metric that has the label.
        label: the label.
    """

    name: str
    metric: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A board.

    Args:
        name: its file's name, and the end of its address.
        title: its title.
        about: whom it serves, for what question.
        panels: from the left to the right, from the top down.
        variables: what the reader may choose.
    """

    name: str
    title: str
    about: str
    panels: tuple[Panel, ...]
    variables: tuple[Variable, ...] = field(default=())

    def document(self) -> dict[str, Any]:
        """The board as Grafana reads it."""
        return {
            "uid": f"tuco-{self.name}",
            "title": f"Tuco Jobs / {self.title}",
            "description": self.about,
            "tags": ["tuco-jobs"],
            "schemaVersion": 39,
            "editable": False,
            "refresh": "30s",
            "time": {"from": "now-6h", "to": "now"},
            "timezone": "browser",
            "links": [{"type": "dashboards", "tags": ["tuco-jobs"], "title": "Tuco Jobs", "asDropdown": True}],
            "templating": {"list": [_source(), *(_variable(variable) for variable in self.variables)]},
            "panels": _panels(self.panels),
        }


def _panels(panels: tuple[Panel, ...]) -> list[dict[str, Any]]:
    placed = []
    x = y = 0
    for number, panel in enumerate(panels, start=1):
        if x + panel.width > _COLUMNS:
            x, y = 0, y + _HEIGHT
        placed.append(_panel(panel, number, x, y))
        x += panel.width
    return placed


def _panel(panel: Panel, number: int, x: int, y: int) -> dict[str, Any]:
    custom: dict[str, Any] = {"fillOpacity": 10, "lineWidth": 1, "showPoints": "never"}
    if panel.stacked:
        custom |= {"stacking": {"mode": "normal"}, "fillOpacity": 40}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": _HEIGHT},
        "datasource": _DATASOURCE,
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, "custom": custom if panel.kind == "timeseries" else {}},
            "overrides": [],
        },
        "options": _options(panel),
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": _DATASOURCE,
                "expr": query.expr,
                "legendFormat": query.legend,
                "format": "heatmap" if panel.kind == "heatmap" else "time_series",
            }
            for index, query in enumerate(panel.queries)
        ],
    }


def _options(panel: Panel) -> dict[str, Any]:
    match panel.kind:
        case "stat":
            return {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "area"}
        case "heatmap":
            return {"calculate": False, "yAxis": {"unit": panel.unit}, "cellGap": 1}
        case _:
            return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}


_DATASOURCE: Final = {"type": "prometheus", "uid": "${source}"}


def _source() -> dict[str, Any]:
    return {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _variable(variable: Variable) -> dict[str, Any]:
    query = f"label_values({variable.metric}, {variable.label})"
    return {
        "name": variable.name,
        "type": "query",
        "datasource": _DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": variable.name},
        "refresh": 2,
        "sort": 1,
    }
