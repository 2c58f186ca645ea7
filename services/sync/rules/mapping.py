"""From a source's row to a lead's fields: pick, clean, normalise, validate."""

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Final

from libs.common.handles import normal_email, normal_phone
from services.sync.rules.field_map import FieldMap
from services.sync.rules.rows import (
    EMAIL,
    FIRST_NAME,
    LAST_NAME,
    PHONE,
    MappedRow,
    Reason,
    RowProblem,
    SourceRow,
    shortened,
)
from services.sync.rules.texts import clean_handle, clean_name, split_full_name

RULES_VERSION: Final = "1"
"""Part of every fingerprint: raise it when the rules change, and the next full run maps every row anew."""

LONGEST_EXTERNAL_ID: Final = 500
"""Characters; what is longer (a column of notes chosen as the key, say) identifies nothing."""

_LONGEST_NATIONAL: Final = 10
"""Digits; what is longer may begin with a country code."""


class RowMapper:
    """Maps rows by one field map.

    Args:
        field_map: which source field fills which field.
        region: ISO 3166-1 alpha-2; where phone numbers without a country code are read.
    """

    def __init__(self, field_map: FieldMap, *, region: str) -> None:
        self._map = field_map
        self._region = region
        self._fields = field_map.source_fields
        self._seed = blake2b(repr((RULES_VERSION, field_map, region)).encode(), digest_size=16).digest()

    def fingerprint(self, row: SourceRow) -> int:
        """Stands for the row's raw values under these rules: 64 signed bits, the same on every machine.

        Equal fingerprints mean that mapping the row would give what it gave before.
        """
        values = row.values
        raw = "\x1f".join([values.get(name) or "" for name in self._fields])
        # A key and not a prefix: BLAKE2 keys cost one block once, and no text can imitate one.
        return int.from_bytes(blake2b(raw.encode(), digest_size=8, key=self._seed).digest(), signed=True)

    def map_row(self, row: SourceRow, *, fingerprint: int) -> MappedRow | tuple[RowProblem, ...]:
        """The row in a lead's fields, or why it cannot become a lead: at least one problem, each fatal.

        A row needs a phone or an email that is valid. Where only one of them is, the other is left out and said so.
        """
        problems: list[RowProblem] = []
        values: dict[str, str] = {}
        self._add_names(row.values, values)
        phone = self._handle(row, self._map.phone, self._phone, (PHONE, Reason.INVALID_PHONE), problems)
        email = self._handle(row, self._map.email, normal_email, (EMAIL, Reason.INVALID_EMAIL), problems)
        if email:
            values[EMAIL] = email
        if phone:
            values[PHONE] = phone
        if not phone and not email:
            return _all_fatal(problems) or (_fatal(row, PHONE, "", Reason.NO_CONTACT),)
        external_id = row.external_id or phone or email or ""
        if len(external_id) > LONGEST_EXTERNAL_ID:
            return (_fatal(row, "externalId", external_id, Reason.NO_EXTERNAL_ID),)
        return MappedRow(
            place=row.place,
            external_id=external_id,
            values=values,
            fingerprint=fingerprint,
            problems=tuple(problems),
        )

    def _add_names(self, raw: Mapping[str, str | None], values: dict[str, str]) -> None:
        first = _first_filled(raw, self._map.first_name)
        last = _first_filled(raw, self._map.last_name)
        if self._map.full_name and not (first and last):
            split_first, split_last = split_full_name(_first_filled(raw, self._map.full_name))
            if not first and not last:
                first, last = split_first, split_last
            elif not first and split_last == last:
                first = split_first
            elif not last and split_first == first:
                last = split_last
        if first:
            values[FIRST_NAME] = first
        if last:
            values[LAST_NAME] = last

    def _phone(self, text: str) -> str | None:
        if phone := normal_phone(text, region=self._region):
            return phone
        # A sheet takes +4915123456789 for a number and drops the sign.
        lost_its_plus = len(text) > _LONGEST_NATIONAL and text.isascii() and text.isdigit()
        return normal_phone(f"+{text}", region=self._region) if lost_its_plus else None

    def _handle(
        self,
        row: SourceRow,
        candidates: Sequence[str],
        normal: Callable[[str], str | None],
        named: tuple[str, str],
        problems: list[RowProblem],
    ) -> str | None:
        """The first candidate that is valid; where none is, the first that was filled is a problem."""
        refused = ""
        for name in candidates:
            text = clean_handle(row.values.get(name))
            if text:
                if handle := normal(text):
                    return handle
                refused = refused or text
        if refused:
            field, reason = named
            problems.append(
                RowProblem(place=row.place, field=field, value=shortened(refused), reason=reason, fatal=False)
            )
        return None


def _first_filled(raw: Mapping[str, str | None], candidates: Sequence[str]) -> str:
    for name in candidates:
        if cleaned := clean_name(raw.get(name)):
            return cleaned
    return ""


def _fatal(row: SourceRow, field: str, value: str, reason: str) -> RowProblem:
    return RowProblem(place=row.place, field=field, value=shortened(value), reason=reason, fatal=True)


def _all_fatal(problems: Sequence[RowProblem]) -> tuple[RowProblem, ...]:
    return tuple(
        RowProblem(place=each.place, field=each.field, value=each.value, reason=each.reason, fatal=True)
        for each in problems
    )
