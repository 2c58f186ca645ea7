"""When two texts are the same message: providers give texts back a little different from how they got them."""

import re
import unicodedata

_INVISIBLE = dict.fromkeys(map(ord, "\ufffc\u200b\u2060\ufeff\ufe0e\ufe0f"))
"""U+FFFC stands for an attachment and is taken out by BlueBubbles (``helpers/utils.ts``, ``sanitizeStr``)."""

_TYPOGRAPHY = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "--", "\u2026": "..."}
)
"""macOS may set what it is given in typographic quotes and dashes ("smart punctuation")."""

_SPACE = re.compile(r"\s+")


def same_text(one: str, other: str) -> bool:
    """Whether two texts can be the same message, before and after a provider handled it."""
    return _canonical(one) == _canonical(other)


def _canonical(text: str) -> str:
    plain = unicodedata.normalize("NFC", text).translate(_INVISIBLE).translate(_TYPOGRAPHY)
    return _SPACE.sub(" ", plain).strip()
