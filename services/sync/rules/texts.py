"""Cleaning of texts as CRMs and spreadsheets hold them, and the split of a full name."""

import re
from typing import Final

LONGEST_NAME: Final = 200
"""Characters of a name that are kept; what is longer is not a name."""

_INVISIBLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
"""Control characters, zero-width spaces and direction marks, which copied texts carry along. The joiners U+200C and
U+200D stay: Persian and Indic names are spelled with them."""

_BLANKS: Final = frozenset({"-", "--", ".", "n/a", "na", "none", "null", "nil", "unknown", "#n/a", "[not provided]"})
"""What people write into a field to say that there is nothing."""

_NOT_A_NAME: Final = frozenset({"-", "--", ".", "n/a", "#n/a", "[not provided]"})
"""The same for names; words that are also names (Na, Null) are left alone. The last one is what Salesforce shows for a
required last name that nobody filled."""

_TITLES: Final = frozenset({"mr", "mrs", "ms", "miss", "mx", "dr", "prof", "herr", "frau", "mme", "sr.", "sra"})
_SUFFIXES: Final = frozenset({"jr", "sr", "ii", "iii", "iv", "phd", "md", "esq"})
_PARTICLES: Final = frozenset(
    {"af", "al", "ap", "ben", "bin", "da", "dal", "das", "de", "del", "della", "den", "der", "des", "di", "do", "dos"}
    | {"du", "el", "la", "las", "le", "les", "los", "ter", "van", "vom", "von", "zu"}
)


def clean(text: str | None) -> str:
    """The text without invisible characters, with single spaces between words and none around."""
    if not text:
        return ""
    if not text.isprintable():
        text = _INVISIBLE.sub(" ", text)
    return " ".join(text.split())


def clean_name(text: str | None) -> str:
    """A name, cleaned; empty where the text says that there is none."""
    cleaned = clean(text)
    return "" if cleaned.lower() in _NOT_A_NAME else cleaned[:LONGEST_NAME].rstrip()


def clean_handle(text: str | None) -> str:
    """A phone number or email address as it was typed, cleaned; empty where the text says that there is none."""
    cleaned = clean(text)
    return "" if cleaned.lower() in _BLANKS else cleaned


def split_full_name(full_name: str) -> tuple[str, str]:
    """First and last name of a cleaned full name; either may be empty.

    "Last, First" is turned round. Otherwise the last word is the last name, together with a suffix behind it (Jr, III)
    and particles before it (van der, de la); titles are dropped. One word alone is a first name.
    """
    before, comma, after = full_name.partition(",")
    if comma and not _is_suffix(after.strip()):
        return _without_titles(after.split()), before.strip()
    words = full_name.replace(",", " ").split()
    while len(words) > 1 and _is_title(words[0]):
        del words[0]
    if len(words) < 2:
        return (words[0], "") if words else ("", "")
    start = len(words) - 1
    while start > 1 and _is_suffix(words[start]):
        start -= 1
    while start > 1 and words[start - 1].lower() in _PARTICLES:
        start -= 1
    return " ".join(words[:start]), " ".join(words[start:])


def _without_titles(words: list[str]) -> str:
    return " ".join(word for word in words if not _is_title(word))


def _is_title(word: str) -> bool:
    return word.lower() in _TITLES or word.lower().rstrip(".") in _TITLES


def _is_suffix(word: str) -> bool:
    return word.lower().replace(".", "") in _SUFFIXES
