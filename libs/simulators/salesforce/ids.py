"""Salesforce record ids: 15 characters in base 62, plus three that make them safe where case is lost.

The three are computed as Salesforce documents it: each stands for the upper-case letters among five characters.
Ids of one object ascend with the position of the row, also when compared as text.
"""

from functools import lru_cache
from typing import Final

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUE: Final = {digit: value for value, digit in enumerate(_DIGITS)}
_SUFFIX: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_INSTANCE: Final = "5g00"
_SERIAL: Final = 8


@lru_cache(maxsize=65_536)
def _check(five: str) -> str:
    return _SUFFIX[sum(1 << place for place, letter in enumerate(five) if "A" <= letter <= "Z")]


def record_id(prefix: str, index: int) -> str:
    """Return the 18-character id of a row of the object whose ids begin with `prefix` (three characters)."""
    serial = ""
    for _ in range(_SERIAL):
        index, digit = divmod(index, 62)
        serial = _DIGITS[digit] + serial
    plain = f"{prefix}{_INSTANCE}{serial}"
    return plain + _check(plain[:5]) + _check(plain[5:10]) + _check(plain[10:])


def index_of(prefix: str, text: str) -> int | None:
    """Return the position that a 15- or 18-character id names, None where it is no id of that object."""
    start = f"{prefix}{_INSTANCE}"
    if len(text) not in (15, 18) or not text.startswith(start):
        return None
    index = 0
    for digit in text[len(start) : 15]:
        if digit not in _VALUE:
            return None
        index = index * 62 + _VALUE[digit]
    return index
