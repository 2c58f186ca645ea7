"""The server's rules for queries and bodies, and the words in which it says that one is broken.

The rules are read in bluebubbles-server, ``api/http/api/v1/validators``; the words are those of its validation library
(validatorjs, ``lang/en.js``). Only the first broken rule is reported. A field that is absent or empty is only ever
checked for ``required`` and ``present``.
"""

from collections.abc import Mapping

from libs.simulators.bluebubbles.envelope import bad_request

Rules = Mapping[str, str]
"""Field name to rules, in validatorjs's notation: ``required|string|in:a,b``."""

AVAILABILITY: Rules = {"address": "string|required"}

SEND_TEXT: Rules = {
    "chatGuid": "required|string",
    "tempGuid": "string",
    "message": "present|string",
    "method": "string|in:apple-script,private-api",
    "effectId": "string",
    "subject": "string",
    "selectedMessageGuid": "string",
    "partIndex": "numeric|min:0",
    "ddScan": "boolean",
}

NEW_CHAT: Rules = {
    "addresses": "required|array",
    "message": "string",
    "method": "string|in:apple-script,private-api",
    "service": "string|in:iMessage,SMS",
    "tempGuid": "string",
    "effectId": "string",
    "subject": "string",
}

QUERY_MESSAGES: Rules = {
    "with": "array",
    "convertAttachments": "boolean",
    "where": "array",
    "sort": "string|in:ASC,DESC",
    "after": "numeric|min:0",
    "before": "numeric|min:1",
    "chatGuid": "string",
    "offset": "numeric|min:0",
    "limit": "numeric|min:1|max:1000",
}

WHERE_ITEM: Rules = {"statement": "required|string", "args": "present"}

NEW_WEBHOOK: Rules = {"url": "required|string", "events": "required|array"}

_MISSING = object()


def validate(values: Mapping[str, object], rules: Rules, *, prefix: str = "") -> None:
    """Check values against rules.

    Args:
        values: the query or the body.
        rules: what it has to keep.
        prefix: what stands before the field's name in the error, for fields inside a list.

    Raises:
        Refusal: 400, with the words for the first rule that is broken.
    """
    for field, joined in rules.items():
        value = values.get(field, _MISSING)
        for rule in joined.split("|"):
            error = _broken(rule, value)
            if error is not None:
                raise bad_request(error.format(field=f"{prefix}{field}"))


def _broken(rule: str, value: object) -> str | None:
    name, _, argument = rule.partition(":")
    if name == "required":
        return None if not _is_blank(value) else "The {field} field is required."
    if name == "present":
        return None if value is not _MISSING else "The {field} field must be present (but can be empty)."
    if not isinstance(value, list) and _is_blank(value):
        return None
    return _broken_type(name, value) if not argument else _broken_limit(name, argument, value)


def _broken_type(name: str, value: object) -> str | None:
    if name == "string" and not isinstance(value, str):
        return "The {field} must be a string."
    if name == "array" and not isinstance(value, list):
        return "The {field} must be an array."
    if name == "numeric" and _number(value) is None:
        return "The {field} must be a number."
    if name == "boolean" and str(value).lower() not in {"true", "false", "0", "1"}:
        return "The {field} attribute has errors."
    return None


def _broken_limit(name: str, argument: str, value: object) -> str | None:
    number = _number(value)
    if name == "in" and str(value) not in argument.split(","):
        return "The selected {field} is invalid."
    if name == "min" and number is not None and number < float(argument):
        return f"The {{field}} must be at least {argument}."
    if name == "max" and number is not None and number > float(argument):
        return f"The {{field}} may not be greater than {argument}."
    return None


def _is_blank(value: object) -> bool:
    """As the library sees it: nothing, or text (a list's included) that is only white space."""
    if value is None or value is _MISSING:
        return True
    if isinstance(value, list):
        return not ",".join(str(item) for item in value).strip()
    return isinstance(value, str) and not value.strip()


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None
