"""Writes the page from the document."""

from functools import cache
from importlib import resources
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined

_FOLDER = "services.gateway.reference"


def reference_page(document: dict[str, Any]) -> str:
    """The page of a document; everything in it is shown as inert text."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            entry = {"path": path, "method": method.upper(), "operation": operation}
            groups.setdefault(operation["tags"][0], []).append(entry)
    schemas = document["components"]["schemas"]
    page: str = _template().render(info=document["info"], groups=groups, schemas=schemas, words=_words, kind=_kind)
    return page


@cache
def style_sheet() -> str:
    """The page's style."""
    return (resources.files(_FOLDER) / "style.css").read_text(encoding="utf-8")


@cache
def _template() -> Any:
    text = (resources.files(_FOLDER) / "page.html").read_text(encoding="utf-8")
    environment = Environment(
        loader=DictLoader({"page.html": text}), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html")


def _words(schema: dict[str, Any]) -> str:
    return str(schema.get("description", ""))


def _kind(schema: dict[str, Any]) -> str:
    """A schema in a few words: ``string``, ``JobView[]``, ``integer or null``."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[1]
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " | ".join("null" if value is None else str(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"{_kind(schema.get('items', {}))}[]"
    return str(schema.get("type", "any"))
