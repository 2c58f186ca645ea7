"""Turning what callers send into typed data, with errors that name the field and what would be right."""

import ast
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec

from libs.common.errors import InvalidInput

S = TypeVar("S", bound=msgspec.Struct)

_PATTERN_WORDS: dict[str, str] = {}
_OBJECTS = (dict, Mapping)
"""A dict is a Mapping, but that takes longer to find out."""

_AT = re.compile(r"^(?P<problem>.*?)(?: - at `\$(?P<path>[^`]*)`)?$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(?P<field>[^`]+)`$")
_PATTERN = re.compile(r"^Expected `str` matching regex (?P<pattern>'.*')$")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<field>[^`]+)`$")


def convert_strictly(data: object, into: type[S], *, path: str) -> S:
    """``data`` as the struct ``into``, refusing unknown fields at the top level.

    Args:
        data: decoded JSON.
        into: the struct type.
        path: how the caller knows ``data`` (``data``, ``options``); an empty string stands for the body itself.

    Raises:
        InvalidInput: with the full path of the field.
    """
    if isinstance(data, _OBJECTS) and not (known := _fields_of(into)).issuperset(data):
        allowed = ", ".join(sorted(known)) or "none"
        unknown = next(name for name in data if name not in known)
        raise InvalidInput(_join(path, str(unknown)), f"unknown field; the fields are: {allowed}")
    try:
        return msgspec.convert(data, into)
    except msgspec.ValidationError as error:
        raise explain(error, path=path) from error


@cache
def _fields_of(struct: type[msgspec.Struct]) -> frozenset[str]:
    """The fields by their names on the wire; msgspec works them out anew each time, in some tenth of a millisecond."""
    return frozenset(field.encode_name for field in msgspec.structs.fields(struct))


def explain(error: msgspec.ValidationError, *, path: str) -> InvalidInput:
    """The error of msgspec as ours: the field's full path and the problem apart."""
    match = _AT.match(str(error))
    problem, below = (match["problem"], match["path"] or "") if match else (str(error), "")
    field = _join(path, below.lstrip("."))
    if missing := _MISSING.match(problem):
        return InvalidInput(_join(field, missing["field"]), "is required")
    if unknown := _UNKNOWN.match(problem):
        return InvalidInput(_join(field, unknown["field"]), "unknown field")
    if pattern := _PATTERN.match(problem):
        problem = f"expected {_PATTERN_WORDS.get(ast.literal_eval(pattern['pattern']), problem)}"
    return InvalidInput(field or "body", problem[:1].lower() + problem[1:])


def pattern_in_words(pattern: str, words: str) -> str:
    """Registers what ``pattern`` means for a person, to be said when a text does not match it; answers the pattern."""
    _PATTERN_WORDS[pattern] = words
    return pattern


def as_mapping(data: object, *, path: str) -> dict[str, Any]:
    """``data`` if it is a JSON object.

    Raises:
        InvalidInput: otherwise.
    """
    if not isinstance(data, dict):
        raise InvalidInput(path or "body", f"expected an object, got {_json_name(data)}")
    return data


def _join(path: str, below: str) -> str:
    if not path or not below:
        return path or below
    return f"{path}{below}" if below.startswith("[") else f"{path}.{below}"


def _json_name(value: object) -> str:
    names = {str: "a string", list: "an array", bool: "a boolean", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), type(value).__name__)
