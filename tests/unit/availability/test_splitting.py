"""Splitting: each lead in one chunk, leads that share a handle in the same."""

from collections import defaultdict
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.handles import normal_email, normal_phone
from services.availability.splitting import Splitter

Lead = tuple[str | None, str | None]

_PHONES = st.sampled_from(
    [None, "+12125550123", "(212) 555-0123", "212-555-0123 ext. 9", "+12125550124", "12125550124", "n/a", "call me"]
    + [f"+1646555{n:04d}" for n in range(12)]
)
_EMAILS = st.sampled_from(
    [None, "a@example.com", "A@EXAMPLE.com", "b@example.com", "no mail", "x@"]
    + [f"p{n}@example.com" for n in range(12)]
)
_LEADS = st.lists(st.tuples(_PHONES, _EMAILS), max_size=60)


def split(leads: Sequence[Lead], size: int) -> list[list[int]]:
    splitter = Splitter(region="US", chunk_size=size)
    for position, (phone, email) in enumerate(leads):
        splitter.add(position, phone, email)
    return [list(chunk) for chunk in splitter.chunks()]


@given(_LEADS, st.integers(1, 20))
@settings(max_examples=300)
def test_each_lead_is_in_exactly_one_chunk(leads: list[Lead], size: int) -> None:
    positions = [position for chunk in split(leads, size) for position in chunk]
    assert sorted(positions) == list(range(len(leads)))


@given(_LEADS, st.integers(1, 20))
@settings(max_examples=300)
def test_leads_that_share_a_handle_are_in_the_same_chunk(leads: list[Lead], size: int) -> None:
    chunk_of = {position: n for n, chunk in enumerate(split(leads, size)) for position in chunk}
    chunks_of_handle = defaultdict(set)
    for position, (phone, email) in enumerate(leads):
        for handle in (phone and normal_phone(phone, region="US"), email and normal_email(email)):
            if handle:
                chunks_of_handle[handle].add(chunk_of[position])
    assert all(len(chunks) == 1 for chunks in chunks_of_handle.values())


@given(_LEADS, st.integers(1, 20))
def test_the_same_leads_give_the_same_chunks(leads: list[Lead], size: int) -> None:
    assert split(leads, size) == split(leads, size)


@given(st.integers(0, 500), st.integers(1, 50))
def test_leads_that_share_nothing_fill_their_chunks(leads: int, size: int) -> None:
    chunks = split([(f"+1646{2000000 + n}", None) for n in range(leads)], size)
    assert [len(chunk) for chunk in chunks[:-1]] == [size] * (len(chunks) - 1)
    assert sum(map(len, chunks)) == leads


def test_a_family_larger_than_a_chunk_stays_together() -> None:
    family: list[Lead] = [("+12125550123", None)] * 30
    chunks = split([*family, ("+12125550199", None)], 10)
    assert sorted(map(len, chunks)) == [1, 30]


def test_a_chain_of_shared_handles_stays_together() -> None:
    chain: list[Lead] = [(f"+1212555{n // 2:04d}", f"p{(n + 1) // 2}@example.com") for n in range(12)]
    others: list[Lead] = [(f"+1646555{n:04d}", None) for n in range(5)]
    chunks = split([*chain, *others], 4)
    assert list(range(12)) in chunks


def test_leads_with_malformed_or_no_contacts_do_not_hang_together() -> None:
    leads: list[Lead] = [("n/a", "no mail"), (None, None)] * 25
    assert [len(chunk) for chunk in split(leads, 10)] == [10] * 5
