"""A record holds what went in, and refuses what would break it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.broker.model import ChildFailure, JobOptions, NewJob, UniqueUntil
from libs.common.broker.record import decode_header, is_plain, record_of, split_record
from libs.common.errors import InvalidInput, PayloadTooLarge

NAMES = st.text(st.characters(blacklist_characters="\t\n", blacklist_categories=["Cs", "Cc"]), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20), st.lists, max_leaves=5
)


@given(
    group=NAMES,
    unique_key=st.none() | NAMES.filter(bool),
    parent_id=st.none() | st.just("parent"),
    priority=st.integers(0, 9_999_999_999),
    data=st.dictionaries(st.text(max_size=10), JSON, max_size=4),
)
def test_a_record_gives_back_what_went_in(
    group: str, unique_key: str | None, parent_id: str | None, priority: int, data: dict[str, Any]
) -> None:
    job = NewJob(
        job_id="job-1",
        job_type="work",
        data=data,
        group=group,
        options=JobOptions(priority=priority),
        unique_key=unique_key,
        unique_until=UniqueUntil.STARTED,
        parent_id=parent_id,
        on_failure=ChildFailure.WAIT,
        limit_keys=("line:1", "line:2"),
        keep_count=7,
        keep_ms=9,
    )
    line, body = split_record(b"12:3" + record_of(job, created_ms=5))
    header = decode_header(line)
    assert (header.group, header.priority, header.keep_count, header.keep_ms) == (group, priority, 7, 9)
    assert header.unique == (f"s{unique_key}" if unique_key else "")
    assert header.parent_id == parent_id
    assert header.limits == "line:1,line:2"
    assert (body.actor, body.kwargs, body.created_ms) == ("work", data, 5)


@pytest.mark.parametrize("field", ["group", "unique_key", "parent_id"])
@pytest.mark.parametrize("character", ["\t", "\n"])
def test_a_name_that_holds_a_separator_is_refused(field: str, character: str) -> None:
    given_field: dict[str, Any] = {field: f"a{character}b"}
    with pytest.raises(InvalidInput, match="tabs or newlines"):
        record_of(NewJob(job_id="job-1", job_type="work", data={}, **given_field), created_ms=1)


@pytest.mark.parametrize("job_id", ["", "a,b", "a b", "a\tb", "x" * 101, "ü"])
def test_an_id_that_could_not_stand_in_a_list_of_ids_is_refused(job_id: str) -> None:
    with pytest.raises(InvalidInput, match="jobId"):
        record_of(NewJob(job_id=job_id, job_type="work", data={}), created_ms=1)


def test_a_payload_at_the_limit_fits_and_one_byte_more_does_not() -> None:
    def job(length: int) -> NewJob:
        return NewJob(job_id="job-1", job_type="work", data={"text": "x" * length})

    room = 64 * 1024 - len(split_record_body(record_of(job(0), created_ms=1)))
    record_of(job(room), created_ms=1)
    with pytest.raises(PayloadTooLarge, match="64 KiB"):
        record_of(job(room + 1), created_ms=1)


def split_record_body(record: bytes) -> bytes:
    return record.partition(b"\n")[2]


def test_only_a_job_of_which_nothing_is_kept_and_nobody_waits_for_is_plain() -> None:
    def line(**fields: Any) -> bytes:
        given_fields: dict[str, Any] = {"keep_ms": 0} | fields
        return split_record(b"0" + record_of(NewJob(job_id="j", job_type="w", data={}, **given_fields), created_ms=1))[
            0
        ]

    assert is_plain(line())
    assert is_plain(line(group="acme", options=JobOptions(priority=3)))
    for fields in ({"keep_ms": 1}, {"unique_key": "k"}, {"parent_id": "p"}, {"limit_keys": ("l",)}):
        assert not is_plain(line(**fields))


@pytest.mark.parametrize("record", [b"", b"garbage", b"0\t\t0\t0\t0\t\t\t\t\n{", b"\x00\xff"])
def test_what_is_no_record_is_said_to_be_none(record: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        split_record(record)
