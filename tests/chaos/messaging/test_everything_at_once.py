"""Five thousand messages while everything fails again and again: delivered once, lost never.

Sizes can be changed by the environment: ``CHAOS_MESSAGES`` (5,000) and ``CHAOS_ROUNDS`` (20); in every round each fault
happens once. The counts are printed, and written as JSON to ``CHAOS_REPORT`` where that names a file.
"""

import json
import os
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import pytest

from libs.common.stores.collections import MESSAGES as MESSAGES_COLLECTION
from libs.simulators.calls import Call
from libs.simulators.deliveries import Delivery
from services.messaging.fault_points import FaultPoint
from tests.end_to_end.messaging.campaign import Campaign
from tests.end_to_end.messaging.faulty_worker import CALLING, LEAVING

MESSAGES = int(os.environ.get("CHAOS_MESSAGES", "5000"))
ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "20"))
SCHEDULERS = 2

ANSWERS = (
    "answer_lost",
    "error_delivered",
    "error_undelivered",
    "hang_after_delivery",
    "reset",
    "truncated",
    "http_502",
    "http_429",
)
KILLS = (*FaultPoint, LEAVING, CALLING)
STOPS = (FaultPoint.CLAIMED, FaultPoint.RESERVED, FaultPoint.MARKED, LEAVING, CALLING, FaultPoint.ANSWERED)


@pytest.mark.chaos
@pytest.mark.timeout(3 * 3600)
def test_everything_fails_at_once_and_each_message_goes_out_once(tmp_path: Path) -> None:
    began = time.monotonic()
    with Campaign(tmp_path, messages=MESSAGES, workers=2) as campaign:
        campaign.insert()
        campaign.wake_the_stopped(after_s=5)
        campaign.start_ticks(schedulers=SCHEDULERS)
        campaign.start_direct_runs(pause_s=0.1)
        campaign.start_workers()
        store_faults = 0
        for number in range(ROUNDS):
            for point in KILLS:
                campaign.order(point, "kill")
            for point in STOPS:
                campaign.order(point, "stop")
            for fault in ANSWERS:
                campaign.simulator.set_fault(fault=fault, endpoint="chat/new", count=1, seconds=1)
            wait_for(campaign, MESSAGES * (3 * number + 1) // (3 * ROUNDS))
            campaign.redis.kill()
            campaign.redis.start()
            wait_for(campaign, MESSAGES * (3 * number + 2) // (3 * ROUNDS))
            campaign.mongo.kill()
            campaign.mongo.start()
            wait_for(campaign, MESSAGES * (3 * number + 3) // (3 * ROUNDS) - MESSAGES // (6 * ROUNDS))
            with suppress(Exception):
                campaign.flush_redis()
            store_faults += 1
        campaign.wait_until_settled(1_800)
        count = campaign.count()
        report = {
            **asdict(count),
            "minutes": round((time.monotonic() - began) / 60, 1),
            "worker_deaths": campaign.deaths(),
            "orders_obeyed": dict(campaign.obeyed()),
            "answers": dict(answers_met(campaign)),
            "schedulers": SCHEDULERS,
            "direct_runs": dict(campaign.direct_runs),
            "redis_kills": store_faults,
            "redis_flushes": store_faults,
            "mongodb_kills": store_faults,
            "sent_twice": sent_twice(campaign),
            "left_in_hand": left_in_hand(campaign),
            "left_to_a_person": left_to_a_person(campaign),
        }
    print(json.dumps(report, indent=2))  # noqa: T201 - the figures are what this run is for
    if path := os.environ.get("CHAOS_REPORT"):
        Path(path).write_text(json.dumps(report, indent=2))
    assert (count.delivered_twice, count.lost) == (0, 0), report
    assert count.delivered_once + count.uncertain >= MESSAGES, report
    assert count.uncertain == 0, report


def answers_met(campaign: Campaign) -> Counter[str]:
    """How often each fault of an answer was met."""
    met: Counter[str] = Counter()
    for fault in campaign.simulator.faults.planned():
        met[fault.wish.fault] += fault.met
    return met


def sent_twice(campaign: Campaign) -> list[object]:
    """The calls and deliveries of messages that went out more than once."""
    state = campaign.simulator.state
    times = Counter(delivery.reference for delivery in state.deliveries.select())
    twice = {reference for reference, often in times.items() if often > 1}
    seen: list[Call | Delivery] = [*state.calls.select(), *state.deliveries.select()]
    return [msgspec.to_builtins(one) for one in seen if one.reference in twice]


def left_in_hand(campaign: Campaign) -> dict[str, int]:
    """How many messages were left in hand how often."""
    found = campaign.database[MESSAGES_COLLECTION].find({}, {"leftInHand": 1})
    times = Counter(message.get("leftInHand", 0) for message in found)
    return {str(often): messages for often, messages in sorted(times.items())}


def left_to_a_person(campaign: Campaign) -> list[dict[str, Any]]:
    """What is known of the messages that wait for a person."""
    fields = {"_id": 0, "reason": 1, "error": 1, "attempts": 1, "leftInHand": 1, "dispatchedAt": 1, "updatedAt": 1}
    found = campaign.database[MESSAGES_COLLECTION].find({"status": "uncertain"}, fields)
    return [{key: str(value) for key, value in message.items()} for message in found]


def wait_for(campaign: Campaign, settled: int) -> None:
    """Waits until so many messages have come to an end, or for a minute: a fault may hold everything up."""
    give_up_at = time.monotonic() + 60
    while time.monotonic() < give_up_at:
        with suppress(Exception):
            if campaign.settled() >= settled:
                return
        time.sleep(0.25)
