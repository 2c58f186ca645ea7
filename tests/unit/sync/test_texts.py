"""Cleaning of texts and the split of full names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sync.rules.texts import clean, clean_handle, clean_name, split_full_name


@pytest.mark.parametrize(
    ("full_name", "first", "last"),
    [
        ("", "", ""),
        ("Cher", "Cher", ""),
        ("Anna Miller", "Anna", "Miller"),
        ("Mary Jo Smith", "Mary Jo", "Smith"),
        ("Miller, Anna", "Anna", "Miller"),
        ("van der Berg, Jan", "Jan", "van der Berg"),
        ("Jan van der Berg", "Jan", "van der Berg"),
        ("María de la Cruz", "María", "de la Cruz"),
        ("Sammy Davis Jr.", "Sammy", "Davis Jr."),
        ("Sammy Davis, Jr.", "Sammy", "Davis Jr."),
        ("John Smith III", "John", "Smith III"),
        ("Dr. Anna Miller", "Anna", "Miller"),
        ("Miller, Dr. Anna", "Anna", "Miller"),
        ("Ms Priya", "Priya", ""),
        ("小明", "小明", ""),
        ("De Niro", "De", "Niro"),
    ],
)
def test_a_full_name_is_split(full_name: str, first: str, last: str) -> None:
    assert split_full_name(full_name) == (first, last)


@given(st.text())
def test_a_split_name_invents_no_words(text: str) -> None:
    cleaned = clean(text)
    words = cleaned.replace(",", " ").split()
    first, last = split_full_name(cleaned)
    assert set(f"{first} {last}".replace(",", " ").split()) <= set(words)


@given(st.text())
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)


def test_invisible_characters_are_taken_out() -> None:
    assert clean("\u202a+1 415\u00a0555\u202c 2671\ufeff") == "+1 415 555 2671"


def test_joiners_that_spell_persian_names_stay() -> None:
    ali_reza = "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627"
    assert clean(ali_reza) == ali_reza


@pytest.mark.parametrize("text", ["n/a", " N/A ", "-", "null", "None", "[not provided]", None, ""])
def test_words_for_nothing_are_no_handle(text: str | None) -> None:
    assert clean_handle(text) == ""


def test_what_salesforce_shows_for_a_missing_last_name_is_no_name() -> None:
    assert clean_name("[not provided]") == ""


def test_a_name_that_is_also_a_word_for_nothing_stays_a_name() -> None:
    assert clean_name("Null") == "Null"


def test_a_text_that_is_too_long_for_a_name_is_cut() -> None:
    assert len(clean_name("x" * 10_000)) == 200
