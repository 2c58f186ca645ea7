"""Handles in their normal form: what the libraries say, faster."""

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from libs.common import handles
from libs.common.handles import normal_email, normal_phone

_REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
_CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("+12125550123", "US", "+12125550123"),
        ("(212) 555-0123", "US", "+12125550123"),
        ("212.555.0123", "CA", "+12125550123"),
        ("1 212 555 0123", "US", "+12125550123"),
        ("+1 (212) 555-0123", "DE", "+12125550123"),
        ("(212) 555-0123 ext. 5", "US", "+12125550123"),
        ("1-800-FLOWERS", "US", "+18003569377"),
        ("212 555 0123", "US", "+12125550123"),
        ("+44 (0) 7911 123456", "US", "+447911123456"),
        ("07911 123456", "GB", "+447911123456"),
        ("011 44 7911 123456", "US", "+447911123456"),
        ("+390612345678", "US", "+390612345678"),
        ("6123 4567", "SG", "+6561234567"),
        ("+15551234567", "US", "+15551234567"),
    ],
)
def test_a_phone_number_in_any_form_becomes_e164(text: str, region: str, expected: str) -> None:
    assert normal_phone(text, region=region) == expected


@pytest.mark.parametrize(
    "text",
    [
        "n/a",
        "",
        "call me",
        "000-000-0000",
        "12345",
        "+1 555",
        "555-0199",
        "0033 1",
        "#N/A",
        "1234567890",
        "+120155501234",
        "+1234567890123456",
        "+11121550123",
        "9" * 300,
        "+",
        "[]",
    ],
)
def test_what_cannot_be_a_phone_number_is_none(text: str) -> None:
    assert normal_phone(text, region="US") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ann@Example.COM", "ann@example.com"),
        ("a.b+c@mail.example.co.uk", "a.b+c@mail.example.co.uk"),
        ("O'Neil@example.com", "o'neil@example.com"),
        ("müller@exämple.de", "müller@exämple.de"),
        ("a@xn--exmple-cua.de", "a@exämple.de"),
    ],
)
def test_an_email_becomes_lower_case(text: str, expected: str) -> None:
    assert normal_email(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a@b",
        "a..b@example.com",
        ".a@example.com",
        "a@example.test",
        "a@x.localhost",
        "a@foo-.com",
        "a@ab--cd.com",
        "a b@example.com",
        "a@b.1",
        '"q"@example.com',
        "a@" + "b" * 64 + ".com",
        "a" * 250 + "@example.com",
        "Ann <ann@example.com>",
    ],
)
def test_what_cannot_be_an_email_is_none(text: str) -> None:
    assert normal_email(text) is None


def _by_library(text: str, region: str) -> str | None:
    return handles._phone_by_library(text, region)


@given(
    code=st.sampled_from(_CODES),
    national=st.text("0123456789", min_size=4, max_size=13),
    region=st.sampled_from(_REGIONS),
)
@example(code=1, national="2125550123", region="US")
@example(code=44, national="07911123456", region="US")
@example(code=39, national="0612345678", region="US")
@example(code=54, national="91123456789", region="AR")
@example(code=52, national="15512345678", region="MX")
@settings(max_examples=2000, deadline=None)
def test_e164_is_read_as_the_library_reads_it(code: int, national: str, region: str) -> None:
    text = f"+{code}{national}"
    assert normal_phone(text, region=region) == _by_library(text, region)


@pytest.mark.parametrize("region", _REGIONS)
def test_every_countrys_example_numbers_are_read_as_the_library_reads_them(region: str) -> None:
    for kind in phonenumbers.PhoneNumberType.values():
        number = phonenumbers.example_number_for_type(region, kind)
        if number is None:
            continue
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        assert normal_phone(e164, region="US") == _by_library(e164, "US")


_GAP = st.sampled_from(["", " ", "-", ".", "  ", "/"])
_DIGITS = st.text("0123456789", min_size=3, max_size=4)


@given(
    prefix=st.sampled_from(["", "1", "+1", "+", "0", "001", "+44", "1-", "+1 ", "+1.", "1("]),
    area=st.text("0123456789", min_size=2, max_size=4),
    brackets=st.booleans(),
    first=_GAP,
    exchange=_DIGITS,
    second=_GAP,
    line=_DIGITS,
    region=st.sampled_from(["US", "CA", "GB", "DE", "AG", "JM", "SG"]),
)
@settings(max_examples=2000, deadline=None)
def test_north_american_forms_are_read_as_the_library_reads_them(
    prefix: str, area: str, brackets: bool, first: str, exchange: str, second: str, line: str, region: str
) -> None:
    text = f"{prefix}{f'({area})' if brackets else area}{first}{exchange}{second}{line}"
    assert normal_phone(text, region=region) == _by_library(text, region)


@given(st.text(max_size=30), st.sampled_from(["US", "GB"]))
@settings(max_examples=300, deadline=None)
def test_no_text_breaks_the_reading_of_phones(text: str, region: str) -> None:
    number = normal_phone(text, region=region)
    assert number is None or normal_phone(number, region=region) == number


_LABEL = st.text("abcxyzABC019-", min_size=1, max_size=12)
_LOCAL = st.text("abcxyzABC019._+-'\"@ ", min_size=1, max_size=20)
_TOP = st.sampled_from(["com", "org", "COM", "test", "local", "invalid", "localhost", "onion", "arpa", "c", "1", "x1"])


@given(local=_LOCAL, labels=st.lists(_LABEL, min_size=0, max_size=3), top=_TOP)
@settings(max_examples=2000, deadline=None)
def test_emails_are_read_as_the_library_reads_them(local: str, labels: list[str], top: str) -> None:
    text = f"{local}@{'.'.join([*labels, top])}"
    assert normal_email(text) == handles._email_by_library(text)


@given(st.text(max_size=30).map(lambda text: f"a{text}@example.com"))
@settings(max_examples=300, deadline=None)
def test_no_text_breaks_the_reading_of_emails(text: str) -> None:
    assert normal_email(text) == handles._email_by_library(text)
