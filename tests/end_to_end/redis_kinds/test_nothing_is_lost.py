"""No accepted job is lost when slots move, nodes die and masters change; how many run twice is counted."""

import sys
from collections.abc import Callable

import pytest

from tests.end_to_end.redis_kinds import scenarios
from tests.end_to_end.redis_kinds.scenarios import MakeStage
from tests.end_to_end.redis_kinds.stage import Outcome


@pytest.mark.parametrize("scenario", scenarios.ALL, ids=lambda scenario: scenario.__name__)
def test_no_accepted_job_is_lost(make_stage: MakeStage, scenario: Callable[[MakeStage], Outcome]) -> None:
    outcome = scenario(make_stage)
    sys.stderr.write(f"{outcome}\n")
    assert outcome.accepted > 100
    assert outcome.lost == 0
