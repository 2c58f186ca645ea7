"""One run, killed twenty times."""

import random

import pytest

from libs.common.stores.sync_runs import RunStatus
from libs.simulators.faults import Fault, NetworkFault
from libs.simulators.hubspot import running_hubspot
from tests.end_to_end.sync.stage import Stage
from tests.end_to_end.sync.test_worker_processes import undisturbed
from tests.integration.sync.world import comparable


@pytest.mark.chaos
@pytest.mark.timeout(900)
def test_a_run_killed_twenty_times_ends_like_an_undisturbed_one(stage: Stage) -> None:
    with running_hubspot(12_000) as hubspot:
        hubspot.inject(Fault(fault=NetworkFault.SLOW_ANSWER, endpoint="contacts.list", seconds=0.05))
        integration_id = stage.integrate(hubspot)
        leads, counts = undisturbed(stage, integration_id)
        hubspot.calls.clear()
        job_id = stage.add_job(integration_id)
        killed = stage.kill_at_random(job_id, kills=20, chance=random.Random(20))
        calls = len(hubspot.calls.select(endpoint="contacts.list"))
    run = stage.runs.of_job(job_id)
    assert run is not None
    assert killed == 20
    assert comparable(stage.database["leads"].find()) == leads
    assert (run.status, run.counts) == (RunStatus.COMPLETED, counts)
    # Written once each; fetched again only what was in hand or fetched ahead.
    assert run.checkpoint.pages == 120
    assert calls <= 120 + killed * 22
