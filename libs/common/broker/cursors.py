"""Where a page of jobs ends, as a text that callers hand back: the parts that ``browse.lua`` answers, in base 64."""

import base64
import binascii
from collections.abc import Sequence

import msgspec

from libs.common.errors import InvalidInput

_PARTS = {"suspects": 2, "parked": 1, "line": 4, "prioritized": 1}
_LINE_PLACES = ("suspects", "parked", "line")
_NUMBER_PARTS = {"line": (1, 3)}
_PROBLEM = "expected the cursor of an answer to the same question, or none"


def encode_cursor(parts: Sequence[bytes]) -> str:
    """The cursor's text."""
    words = [part.decode() for part in parts]
    return base64.urlsafe_b64encode(msgspec.json.encode(words)).decode().rstrip("=")


def decode_cursor(text: str, *, place: str) -> list[str]:
    """The cursor's parts; none where the text is empty.

    Args:
        text: what :func:`encode_cursor` made.
        place: the state that is browsed.

    Raises:
        InvalidInput: somebody else made it, or for another state.
    """
    if not text:
        return []
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        first, *parts = msgspec.json.decode(raw, type=list[str])
        if first not in (_LINE_PLACES if place == "waiting" else (place,)) or len(parts) > _PARTS.get(first, 2):
            raise InvalidInput("cursor", _PROBLEM)
        if first not in _PARTS or first == "suspects":
            for score in parts[:1]:
                float(score)
            if len(parts) == 1 or (not parts and first != "suspects"):
                raise InvalidInput("cursor", _PROBLEM)
        for place_of_number in _NUMBER_PARTS.get(first, ()):
            if place_of_number < len(parts):
                int(parts[place_of_number])
    except (binascii.Error, ValueError) as error:
        raise InvalidInput("cursor", _PROBLEM) from error
    return [first, *parts]
