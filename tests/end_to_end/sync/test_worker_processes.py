"""Workers as processes: killed, stopped, cancelled."""

import random
import signal
from collections.abc import Iterator

import pytest

from libs.common.jobs.states import JobState
from libs.common.stores.sync_runs import Counts, RunStatus
from libs.simulators.faults import Fault, NetworkFault
from libs.simulators.hubspot import HubSpotSimulator, running_hubspot
from tests.end_to_end.sync.stage import Stage
from tests.integration.sync.world import comparable
from tests.waiting import wait_until

ROWS = 4_000
SLOW_S = 0.05


@pytest.fixture
def hubspot() -> Iterator[HubSpotSimulator]:
    """A CRM with untidy people that takes its time for each page, so that there is a middle of a run."""
    with running_hubspot(ROWS) as simulator:
        simulator.inject(Fault(fault=NetworkFault.SLOW_ANSWER, endpoint="contacts.list", seconds=SLOW_S))
        yield simulator


def undisturbed(stage: Stage, integration_id: str) -> tuple[list[dict[str, object]], Counts]:
    """What a run gives that nobody disturbs; its leads are taken away again."""
    job_id = stage.add_job(integration_id)
    worker = stage.start_worker()
    wait_until(lambda: stage.completed(job_id), deadline_s=60)
    worker.terminate()
    worker.wait(timeout=30)
    run = stage.runs.of_job(job_id)
    assert run is not None
    leads = comparable(stage.database["leads"].find())
    stage.database["leads"].delete_many({})
    return leads, run.counts


def test_a_run_killed_in_the_middle_ends_like_an_undisturbed_one(stage: Stage, hubspot: HubSpotSimulator) -> None:
    integration_id = stage.integrate(hubspot)
    leads, counts = undisturbed(stage, integration_id)
    job_id = stage.add_job(integration_id)
    killed = stage.kill_at_random(job_id, kills=3, chance=random.Random(7))
    run = stage.runs.of_job(job_id)
    assert run is not None
    assert killed == 3
    assert comparable(stage.database["leads"].find()) == leads
    assert (run.status, run.counts) == (RunStatus.COMPLETED, counts)


def test_a_stopped_worker_hands_its_run_back_and_another_goes_on_at_once(
    stage: Stage, hubspot: HubSpotSimulator
) -> None:
    integration_id = stage.integrate(hubspot)
    job_id = stage.add_job(integration_id)
    first = stage.start_worker()
    wait_until(lambda: stage.database["leads"].count_documents({}) > 500, deadline_s=30)
    first.send_signal(signal.SIGTERM)
    stage.start_worker()
    wait_until(lambda: stage.completed(job_id), deadline_s=60)
    assert first.wait(timeout=30) == 0
    run = stage.runs.of_job(job_id)
    assert run is not None
    assert run.counts.fetched == ROWS
    assert run.counts.unchanged == 0


def test_a_cancelled_run_stops_and_says_so(stage: Stage, hubspot: HubSpotSimulator) -> None:
    integration_id = stage.integrate(hubspot)
    job_id = stage.add_job(integration_id)
    stage.start_worker()
    wait_until(lambda: stage.database["leads"].count_documents({}) > 500, deadline_s=30)
    stage.queue.cancel(job_id)

    def is_cancelled() -> bool:
        run = stage.runs.of_job(job_id)
        return run is not None and run.status is RunStatus.CANCELLED

    wait_until(is_cancelled, deadline_s=10)
    leads = stage.database["leads"].count_documents({})
    assert 500 < leads < ROWS * 0.95


def test_a_second_request_while_a_run_is_going_answers_with_the_running_one(
    stage: Stage, hubspot: HubSpotSimulator
) -> None:
    integration_id = stage.integrate(hubspot)
    first = stage.add_job(integration_id)
    stage.start_worker()
    wait_until(lambda: stage.view(first).state is JobState.ACTIVE, deadline_s=30)
    assert stage.add_job(integration_id) == first
    progress = wait_until(lambda: stage.view(first).progress, deadline_s=30)
    assert progress
    assert progress["total"] == ROWS
