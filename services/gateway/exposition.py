"""Puts the metrics of many processes into one answer, told apart by labels and never added up. No I/O.

The format is Prometheus's text format 0.0.4
(https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format). It is handled as text, line by line:
a family's samples follow its ``TYPE`` line, and a sample's labels stand in braces after its name.
"""

import re
from collections.abc import Iterable, Mapping

_COMMENT = re.compile(r"^# (?P<kind>HELP|TYPE) (?P<family>[a-zA-Z_:][a-zA-Z0-9_:]*)(?: .*)?$")
_LABEL = r"[a-zA-Z_][a-zA-Z0-9_]*\s*=\s*\"(?:[^\"\\]|\\.)*\""
_SAMPLE = re.compile(
    r"^(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)"
    rf"(?:\{{\s*(?P<labels>{_LABEL}(?:\s*,\s*{_LABEL})*)?\s*,?\s*\}})?"
    r"(?P<rest>[ \t]+(?P<value>[^ \t]+)(?:[ \t]+-?\d+)?[ \t]*)$"
)
_NAME_AND_VALUE = re.compile(r"(?P<name>[a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*(?P<value>\"(?:[^\"\\]|\\.)*\")")
_SUFFIXES = ("_bucket", "_sum", "_count", "_total", "_created", "_info")


class UnreadableMetricsError(ValueError):
    """A text is not in Prometheus's text format."""


class Merger:
    """Collects expositions and writes them as one, each family once."""

    def __init__(self) -> None:
        self._families: dict[str, _Family] = {}

    def add(self, text: str, labels: Mapping[str, str]) -> None:
        """Adds one process's exposition; ``labels`` are set on every sample.

        A sample's own label of the same name is kept as ``exported_...``, as Prometheus does it.

        Raises:
            UnreadableMetricsError: naming the first line that cannot be read; nothing was added.
        """
        families: dict[str, _Family] = {}
        current: str | None = None
        for number, line in enumerate(text.splitlines(), start=1):
            if comment := _COMMENT.match(line):
                current = comment["family"]
                families.setdefault(current, _Family()).head.setdefault(comment["kind"], line)
            elif line.strip() and not line.startswith("#"):
                sample = _SAMPLE.match(line)
                if sample is None or not _is_number(sample["value"]):
                    raise UnreadableMetricsError(f"line {number} is no sample")
                family = current if current and _belongs(sample["name"], current) else sample["name"]
                families.setdefault(family, _Family()).samples.append(_labelled(sample, labels))
        for name, family_found in families.items():
            self._families.setdefault(name, _Family()).take(family_found)

    def text(self) -> str:
        """Everything in one exposition."""
        return "".join(f"{line}\n" for family in self._families.values() for line in family.lines())


class _Family:
    def __init__(self) -> None:
        self.head: dict[str, str] = {}
        self.samples: list[str] = []

    def take(self, other: "_Family") -> None:
        self.head = other.head | self.head
        self.samples += other.samples

    def lines(self) -> Iterable[str]:
        yield from (self.head[kind] for kind in ("HELP", "TYPE") if kind in self.head)
        yield from self.samples


def _belongs(sample: str, family: str) -> bool:
    return sample == family or (sample.startswith(family) and sample[len(family) :] in _SUFFIXES)


def _labelled(sample: re.Match[str], labels: Mapping[str, str]) -> str:
    def renamed(match: re.Match[str]) -> str:
        prefix = "exported_" if match["name"] in labels else ""
        return f"{prefix}{match['name']}={match['value']}"

    own = _NAME_AND_VALUE.sub(renamed, sample["labels"] or "")
    ours = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{sample['name']}{{{','.join(filter(None, (ours, own)))}}}{sample['rest'].rstrip()}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
