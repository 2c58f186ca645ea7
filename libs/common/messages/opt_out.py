"""Whether a reply means: write to me no more.

The words that the FCC names as a clear wish (47 CFR 64.1200(a)(10): stop, quit, end, revoke, opt out, cancel,
unsubscribe), those that providers take as such, and a few short sentences; alone in a message, in any case and with any
punctuation around them. A word inside a longer reply ("I can't stop laughing") is none.
"""

import re
import unicodedata

_WORDS = frozenset(
    {
        "stop",
        "stopall",
        "stop all",
        "quit",
        "end",
        "revoke",
        "optout",
        "opt out",
        "cancel",
        "unsubscribe",
        "remove me",
        "stop texting",
        "stop texting me",
        "stop messaging me",
        "do not text me",
        "don t text me",
        "no more texts",
    }
)
_NOT_LETTERS = re.compile(r"[\W_]+")


def means_stop(text: str) -> bool:
    """Whether ``text`` is one of the words or sentences, and nothing else but politeness."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    words = _NOT_LETTERS.sub(" ", plain).strip()
    return words.removesuffix(" please").removeprefix("please ").removesuffix(" now") in _WORDS
