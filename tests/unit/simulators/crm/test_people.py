import phonenumbers
from email_validator import EmailNotValidError, validate_email

from libs.simulators.crm.people import TIDY, People, Person, Shape
from libs.simulators.crm.phone_numbers import e164


def read_phone(text: str | None) -> str | None:
    """Return a phone as a reader in the United States makes it out."""
    try:
        number = phonenumbers.parse(text or "", "US")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def read_email(text: str | None) -> str | None:
    try:
        return validate_email((text or "").strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        return None


def some(people: People, count: int = 4000) -> list[Person]:
    return [people.person(index) for index in range(count)]


def share(rows: list[Person], wanted: int) -> float:
    return wanted / len(rows)


def test_the_same_seed_and_position_give_the_same_person() -> None:
    assert some(People(7), 50) == some(People(7), 50)


def test_another_seed_gives_other_people() -> None:
    assert some(People(7), 50) != some(People(8), 50)


def test_a_person_does_not_depend_on_which_were_asked_for_before() -> None:
    people = People(7)
    late = people.person(900_000)
    some(people, 10)
    assert people.person(900_000) == late


def test_e164_is_what_a_reader_makes_of_the_phone_as_written() -> None:
    for person in some(People(1)):
        assert read_phone(person.phone) == person.e164, person


def test_mailbox_is_what_a_reader_makes_of_the_email_as_written() -> None:
    for person in some(People(1)):
        assert read_email(person.email) == person.mailbox, person


def test_a_mobile_number_is_another_spelling_of_the_same_number() -> None:
    with_mobile = [person for person in some(People(1)) if person.mobile is not None]
    assert with_mobile
    assert all(read_phone(person.mobile) == person.e164 for person in with_mobile)


def test_a_duplicate_repeats_the_handles_of_the_person_it_names() -> None:
    people = People(1, Shape(duplicates=0.3, blank_email=0, invalid_email=0, blank_phone=0, invalid_phone=0))
    rows = some(people)
    duplicates = [person for person in rows if person.original != person.index]
    assert 0.27 < share(rows, len(duplicates)) < 0.33
    for person in duplicates:
        first = rows[person.original]
        assert (person.mailbox, person.e164) == (first.mailbox, first.e164)
        assert first.original == first.index


def test_people_who_are_no_duplicates_share_no_handle() -> None:
    rows = [person for person in some(People(1), 20_000) if person.original == person.index]
    mailboxes = [person.mailbox for person in rows if person.mailbox]
    numbers = [person.e164 for person in rows if person.e164]
    assert len(set(mailboxes)) == len(mailboxes)
    assert len(set(numbers)) == len(numbers)


def test_numbers_are_distinct_over_a_million_positions() -> None:
    assert len({e164(index) for index in range(1_000_000)}) == 1_000_000


def test_blanks_and_invalid_values_come_at_their_shares() -> None:
    rows = some(People(3), 20_000)
    assert 0.07 < share(rows, sum(person.email is None for person in rows)) < 0.09
    assert 0.09 < share(rows, sum(person.phone is None for person in rows)) < 0.11
    assert 0.02 < share(rows, sum(person.email is not None and person.mailbox is None for person in rows)) < 0.04
    assert 0.03 < share(rows, sum(person.phone is not None and person.e164 is None for person in rows)) < 0.05


def test_tidy_people_have_every_handle_and_are_nobody_twice() -> None:
    rows = some(People(1, TIDY))
    assert all(person.first_name and person.last_name and person.mailbox and person.e164 for person in rows)
    assert all(person.original == person.index for person in rows)


def test_names_and_phones_are_as_varied_as_in_a_real_crm() -> None:
    rows = some(People(1))
    phones = [person.phone for person in rows if person.e164]
    assert any(not (person.first_name or "").isascii() for person in rows)
    assert any("ext" in (phone or "") for phone in phones)
    assert any((phone or "").startswith("+33") for phone in phones)
    assert any((phone or "").startswith("(") for phone in phones)
    assert any((person.email or "").isupper() for person in rows)


def test_a_later_revision_changes_name_title_and_score_and_no_handle() -> None:
    people = People(1, TIDY)
    before, after = people.person(5), people.person(5, revision=1)
    assert before.last_name != after.last_name
    assert before.job_title != after.job_title
    assert before.score != after.score
    assert (before.mailbox, before.e164, before.first_name) == (after.mailbox, after.e164, after.first_name)
