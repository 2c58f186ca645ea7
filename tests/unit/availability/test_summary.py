"""The result of a run."""

from datetime import UTC, datetime, timedelta

from bson import ObjectId

from libs.common.stores.leads import AvailabilityStatus, RunTally
from services.availability.summary import summary_of

AT = datetime(2026, 7, 1, tzinfo=UTC)
S = AvailabilityStatus


def test_the_numbers_of_all_parts_add_up() -> None:
    missing = [ObjectId()]
    result = summary_of(
        [
            RunTally(
                found=5,
                answers={(S.AVAILABLE, None): 3, (S.INVALID, "no_contact"): 2},
                first_at=AT,
                last_at=AT + timedelta(seconds=4),
            ),
            RunTally(
                found=4,
                answers={(S.AVAILABLE, None): 1, (S.UNKNOWN, "timeout"): 1, (S.UNAVAILABLE, None): 2},
                first_at=AT + timedelta(seconds=1),
                last_at=AT + timedelta(seconds=9.26),
            ),
        ],
        total=10,
        missing=missing,
        failed_chunks=0,
    )
    assert result == {
        "total": 10,
        "checked": 9,
        "available": 4,
        "unavailable": 2,
        "unknown": 1,
        "invalid": 2,
        "notFound": 1,
        "notFoundIds": [str(missing[0])],
        "reasons": {"no_contact": 2, "timeout": 1},
        "seconds": 9.3,
    }


def test_leads_of_failed_parts_count_as_unknown() -> None:
    result = summary_of(
        [RunTally(found=10, answers={(S.AVAILABLE, None): 4}, first_at=AT, last_at=AT)],
        total=10,
        missing=[],
        failed_chunks=2,
    )
    assert (result["checked"], result["available"], result["unknown"]) == (10, 4, 6)
    assert result["reasons"] == {"not_checked": 6}
    assert result["failedChunks"] == 2


def test_a_run_of_unknown_ids_has_an_empty_result() -> None:
    result = summary_of([RunTally()], total=3, missing=[], failed_chunks=0)
    assert (result["checked"], result["notFound"], result["seconds"]) == (0, 3, 0.0)
