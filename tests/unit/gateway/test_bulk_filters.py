"""Which jobs a filter means."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from libs.common.broker.model import Attempt, JobView
from libs.common.errors import InvalidInput
from libs.common.jobs.bulk_action import Action, JobFilter
from libs.common.jobs.registry import queues
from libs.common.jobs.states import JobState
from services.gateway.bulk.filters import JobFilterRequest, fits, read_filter, states_of
from services.gateway.bulk.moments import read_moment

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def read(action: Action = Action.RETRY, /, **fields: object) -> JobFilter:
    return read_filter(msgspec.convert(fields, JobFilterRequest), action, queues=queues(), now=NOW)


def dead(**fields: object) -> JobView:
    given = {
        "job_id": "j1",
        "job_type": "integration-sync",
        "queue": "integration-sync",
        "state": JobState.FAILED,
        "group": "w1",
        "data": {},
        "created_at": NOW - 2 * HOUR,
        "finished_at": NOW - HOUR,
        "attempts": (
            Attempt(number=1, outcome="failed", error="Retryable: busy", worker="w", started_at=NOW, duration_ms=1),
        ),
    }
    return JobView(**(given | fields))  # type: ignore[arg-type]  # as the test says


def is_meant(view: JobView, **fields: object) -> bool:
    return fits(view, read(**fields), state=JobState.FAILED, as_of=NOW)


@pytest.mark.parametrize("fields", [{}, {"state": "failed"}, {"queues": []}, {"error": ""}])
def test_a_filter_that_names_nothing_is_refused_with_what_would_be_right(fields: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match=r"filter: is empty.*queues, jobType, workspaceId.*bulk-availability"):
        read(**fields)


@pytest.mark.parametrize(
    ("action", "fields", "field"),
    [
        (Action.RETRY, {"queues": ["operations", "nope"]}, r"filter.queues\[1\]: .*bulk-availability"),
        (Action.RETRY, {"jobType": "nope"}, "filter.jobType: .*integration-sync"),
        (Action.RETRY, {"workspaceId": "w", "state": "delayed"}, "filter.state: retry is for jobs that are failed"),
        (Action.PROMOTE, {"workspaceId": "w", "state": "failed"}, "filter.state: promote .* delayed"),
        (Action.CANCEL, {"finishedBefore": "-1h"}, "filter.finished.*createdAfter"),
        (Action.RETRY, {"createdAfter": "yesterday"}, "filter.createdAfter: expected a moment"),
        (Action.RETRY, {"createdAfter": "2026-03-01T12:00:00"}, "filter.createdAfter: .*no offset"),
        (Action.RETRY, {"finishedBefore": "-999999w"}, "filter.finishedBefore: expected a moment"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_name(action: Action, fields: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        read(action, **fields)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("-90s", NOW - timedelta(seconds=90)),
        ("-2h", NOW - 2 * HOUR),
        ("-3d", NOW - timedelta(days=3)),
        ("-1w", NOW - timedelta(weeks=1)),
        ("2026-03-01T12:00:00Z", NOW),
        ("2026-03-01T14:00:00+02:00", NOW),
        ("", None),
        (None, None),
    ],
)
def test_a_moment_is_fixed_when_it_is_read(text: str | None, moment: datetime | None) -> None:
    assert read_moment(text, field="f", now=NOW) == moment


def test_without_a_state_all_states_are_meant_that_the_action_is_for() -> None:
    which = read(Action.REMOVE, workspaceId="w")

    assert states_of(which, Action.REMOVE) == (JobState.FAILED, JobState.COMPLETED)
    assert states_of(msgspec.structs.replace(which, state=JobState.COMPLETED), Action.REMOVE) == (JobState.COMPLETED,)


@pytest.mark.parametrize(
    ("fields", "meant"),
    [
        ({"errorType": "Retryable"}, True),
        ({"errorType": "Retry"}, False),
        ({"createdAfter": "-3h"}, True),
        ({"createdAfter": "-90m"}, False),
        ({"createdBefore": "-90m"}, True),
        ({"finishedAfter": "-2h", "finishedBefore": "-30m"}, True),
        ({"finishedBefore": "-2h"}, False),
    ],
)
def test_kinds_of_error_and_moments_are_compared(fields: dict[str, object], meant: bool) -> None:
    assert is_meant(dead(), **fields) is meant


def test_what_failed_after_the_order_is_not_meant() -> None:
    assert not is_meant(dead(finished_at=NOW + timedelta(milliseconds=1)), workspaceId="w1")


def test_a_job_that_has_moved_on_is_not_meant() -> None:
    assert not is_meant(dead(state=JobState.WAITING, finished_at=None), workspaceId="w1")


def test_a_paused_job_is_one_in_line() -> None:
    held = dead(state=JobState.PAUSED, finished_at=None)

    assert fits(held, JobFilter(workspace_id="w1"), state=JobState.WAITING, as_of=NOW)
    assert not fits(held, JobFilter(workspace_id="w1"), state=JobState.DELAYED, as_of=NOW)
