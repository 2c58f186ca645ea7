"""Pictures for the README: bars of ours beside others, as SVG that is legible on a light page and on a dark one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from benchmarks.figures import OURS, Figure, of_row
from benchmarks.table import number

_WIDTH, _LEFT, _RIGHT = 760, 300, 120
_BAR, _GAP, _BETWEEN_ROWS, _TOP, _BOTTOM = 16, 4, 16, 48, 34
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 15px; font-weight: 600 } .small { font-size: 11px; fill: #59636e }
  .ours { fill: #2f6fdf } .other { fill: #9aa4af }
  @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .small { fill: #9198a1 } .other { fill: #59636e } }
"""


@dataclass(frozen=True, slots=True)
class Picture:
    """What a picture shows.

    Args:
        file: its name.
        title: what it says.
        rows: the rows that are in it, with what each is called; all of one unit, or each with its own scale.
    """

    file: str
    title: str
    rows: Mapping[str, str]


PICTURES = (
    Picture(
        "bulk-availability.svg",
        "Bulk availability, leads a second (more is better)",
        {
            "availability": "1 process",
            "availability_2_processes": "2 processes",
            "availability_4_processes": "4 processes",
        },
    ),
    Picture(
        "queue.svg",
        "Empty jobs a second (more is better)",
        {"enqueue_bulk": "added in bulk", "drain_1": "worked off by 1 process", "drain_3": "worked off by 3 processes"},
    ),
    Picture(
        "gateway.svg",
        "Gateway, with a durable ledger, beside Express without one",
        {
            "gateway_200_per_s_p99": "p99 at 200 requests/s",
            "gateway_1000_per_s_p99": "p99 at 1,000 requests/s",
            "gateway_max": "most requests a second",
            "gateway_batch": "most jobs a second by the batch",
        },
    ),
    Picture(
        "sync.svg",
        "CRM rows a second, beside bare bulk writes (more is better)",
        {"sync_rows_per_second": "first sync"},
    ),
)


def draw_all(figures: Sequence[Figure], folder: Path, *, caption: str) -> list[Path]:
    """Writes every picture for which there are figures; answers the files.

    Args:
        figures: of any benchmarks.
        folder: where the files go.
        caption: where and when the figures were taken.
    """
    written = []
    for picture in PICTURES:
        rows = {name: of_row(figures, row) for row, name in picture.rows.items() if of_row(figures, row)}
        if rows:
            path = folder / picture.file
            path.write_text(draw(picture.title, rows, caption=caption), encoding="utf-8")
            written.append(path)
    return written


def draw(title: str, rows: Mapping[str, Sequence[Figure]], *, caption: str) -> str:
    """The SVG: a group of bars per row, the longest of each group as long as there is room."""
    parts: list[str] = []
    y = _TOP
    for name, figures in rows.items():
        longest = max((figure.value for figure in figures if math.isfinite(figure.value)), default=0.0) or 1.0
        parts.append(f'<text x="16" y="{y + _BAR - 3}">{escape(name)}</text>')
        for figure in sorted(figures, key=lambda figure: figure.peer != OURS):
            width = min(figure.value / longest, 1.0) * (_WIDTH - _LEFT - _RIGHT)
            kind = "ours" if figure.peer == OURS else "other"
            parts.append(
                f'<text class="small" x="{_LEFT - 8}" y="{y + _BAR - 4}" text-anchor="end">{escape(figure.peer)}</text>'
            )
            parts.append(f'<rect class="{kind}" x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR}" rx="2"/>')
            words = f"{number(figure.value)} {figure.unit}" if math.isfinite(figure.value) else number(figure.value)
            parts.append(f'<text x="{_LEFT + width + 6:.1f}" y="{y + _BAR - 3}">{escape(words)}</text>')
            y += _BAR + _GAP
        y += _BETWEEN_ROWS
    height = y + _BOTTOM - _BETWEEN_ROWS
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
    return "\n".join(
        [
            f'{head} role="img" aria-label="{escape(title)}">',
            f"<style>{_STYLE}</style>",
            f'<text class="title" x="16" y="26">{escape(title)}</text>',
            *parts,
            f'<text class="small" x="16" y="{height - 12}">{escape(caption)}</text>',
            "</svg>\n",
        ]
    )
