"""Messages while everything around them fails: delivered once, lost never, counted where they arrive."""

from pathlib import Path

import pytest

from services.messaging.fault_points import FaultPoint
from tests.end_to_end.messaging.campaign import Campaign
from tests.end_to_end.messaging.faulty_worker import CALLING, LEAVING
from tests.waiting import wait_until


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def assert_each_went_out_once(campaign: Campaign) -> None:
    count = campaign.count()
    assert (count.delivered_twice, count.lost, count.uncertain) == (0, 0, 0), count
    assert count.delivered_once == campaign.messages, count


@pytest.mark.timeout(240)
def test_workers_that_die_at_every_point_neither_repeat_nor_lose_a_message(folder: Path) -> None:
    with Campaign(folder, messages=150) as campaign:
        campaign.insert()
        for point in (*FaultPoint, LEAVING, CALLING):
            campaign.order(point, "kill")
        campaign.start_ticks()
        campaign.start_workers()
        campaign.wait_until_settled(60)
        assert_each_went_out_once(campaign)
        assert campaign.deaths() == 7, campaign.obeyed()


@pytest.mark.timeout(240)
def test_answers_that_are_lost_neither_repeat_nor_lose_a_message(folder: Path) -> None:
    with Campaign(folder, messages=150) as campaign:
        campaign.insert()
        for fault in ("answer_lost", "error_delivered", "error_undelivered", "reset", "hang_after_delivery"):
            campaign.simulator.set_fault(fault=fault, endpoint="chat/new", count=5)
        campaign.start_ticks()
        campaign.start_workers()
        campaign.wait_until_settled(60)
        assert_each_went_out_once(campaign)
        assert not [fault for fault in campaign.simulator.faults.planned() if fault.left]


@pytest.mark.timeout(240)
def test_stores_that_die_neither_repeat_nor_lose_a_message(folder: Path) -> None:
    with Campaign(folder, messages=400) as campaign:
        campaign.insert()
        campaign.start_ticks()
        campaign.start_workers()
        wait_until(lambda: campaign.settled() > 40, deadline_s=60)
        campaign.redis.kill()
        campaign.redis.start()
        wait_until(lambda: campaign.settled() > 120, deadline_s=60)
        campaign.mongo.kill()
        campaign.mongo.start()
        wait_until(lambda: campaign.settled() > 200, deadline_s=60)
        campaign.flush_redis()
        campaign.wait_until_settled(150)
        assert_each_went_out_once(campaign)


@pytest.mark.timeout(240)
def test_workers_that_stand_still_past_their_leases_send_nothing_afterwards(folder: Path) -> None:
    with Campaign(folder, messages=120) as campaign:
        campaign.insert()
        stops = (FaultPoint.CLAIMED, FaultPoint.RESERVED, FaultPoint.MARKED, LEAVING, CALLING, FaultPoint.ANSWERED)
        for point in stops:
            campaign.order(point, "stop")
        campaign.wake_the_stopped(after_s=5)
        campaign.start_ticks()
        campaign.start_workers()
        campaign.wait_until_settled(60)
        wait_until(lambda: sum(campaign.obeyed().values()) == len(stops), deadline_s=60)
        assert_each_went_out_once(campaign)


@pytest.mark.timeout(240)
def test_jobs_and_runs_at_once_race_for_messages_and_each_goes_out_once(folder: Path) -> None:
    with Campaign(folder, messages=200) as campaign:
        campaign.insert()
        campaign.start_direct_runs(pause_s=0.01)
        campaign.start_ticks()
        campaign.start_workers()
        campaign.wait_until_settled(60)
        assert_each_went_out_once(campaign)
