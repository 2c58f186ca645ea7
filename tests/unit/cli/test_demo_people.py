"""The demonstration's leads are what they say they are."""

from collections import Counter

from libs.cli.demo.people import make_people
from libs.common.handles import normal_email, normal_phone


def test_there_are_as_many_as_asked_for_and_the_same_for_the_same_seed() -> None:
    assert len(make_people(2_000, seed=1)) == 2_000
    assert make_people(500, seed=1) == make_people(500, seed=1)
    assert make_people(500, seed=1) != make_people(500, seed=2)


def test_what_is_written_means_what_the_person_says_it_means() -> None:
    for person in make_people(2_000, seed=3):
        written = person.written
        assert person.phone == (normal_phone(written["phone"], region="US") if written.get("phone") else None), written
        assert person.email == (normal_email(written["email"]) if written.get("email") else None), written


def test_every_kind_of_lead_is_among_them() -> None:
    people = make_people(2_000, seed=3)
    phones = Counter(person.phone for person in people if person.phone)

    assert sum(not person.phone and not person.email for person in people) >= 100
    assert sum(not person.phone and bool(person.email) for person in people) >= 200
    assert sum(count > 1 for count in phones.values()) >= 50
    assert sum("firstName" not in person.written for person in people) >= 50
    assert sum(bool(person.written.get("phone")) and not person.phone for person in people) >= 50
