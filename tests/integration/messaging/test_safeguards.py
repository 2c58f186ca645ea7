"""Each safeguard of messages, removed once: the test that is named beside it must then fail.

A safeguard is removed by a patch that only lives here; the service has no switches. People read the table in
``docs/reference/safeguards.md``, which a test keeps equal to it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from libs.common.budgets.fallback import BudgetsWithFallback
from libs.common.errors import NotNow
from libs.common.messages.model import Message
from libs.common.messages.stops import StopScope
from libs.common.providers.sending import SearchAnswer
from libs.common.stores.collections import MESSAGES
from libs.common.stores.messages import MessageStore
from libs.common.stores.stops import StopStore
from services.messaging.checks import Checks
from services.messaging.fault_points import FaultPoint
from services.messaging.reconciliation import Decision, SendAgain, decide_reconciliation
from services.messaging.reconciling import Reconciler
from services.messaging.stopwatch import Stopwatch
from tests.integration.messaging import test_sending as proofs
from tests.integration.messaging.world import World

DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "safeguards.md"
LONG = timedelta(days=1)

Patch = pytest.MonkeyPatch

death, sleep, stillness = proofs.TestADeath(), proofs.TestAProviderThatSleeps(), proofs.TestStandingStill()
stops, refusals, limits, doubt = (
    proofs.TestStops(),
    proofs.TestRefusals(),
    proofs.TestLimits(),
    proofs.TestUncertainty(),
)


@dataclass(frozen=True)
class Safeguard:
    """What protects, and the proof that it does.

    Args:
        promise: what would be broken without it.
        where: the module that holds it.
        remove: takes it out.
        proof: the test that must fail.
        more: what the test is given beside the world.
    """

    promise: str
    where: str
    remove: Callable[[Patch, World], None]
    proof: Callable[..., None]
    more: Callable[[World], tuple[Any, ...]] = lambda _world: ()


def ask_nobody(patch: Patch, _world: World) -> None:
    async def decide(_self: object, _attempt: object, _line: object) -> Decision:
        return SendAgain()

    patch.setattr(Reconciler, "_decide", decide)


def decide_with(patch: Patch, **changed: timedelta) -> None:
    def decide(answer: SearchAnswer, **given: timedelta) -> Decision:
        return decide_reconciliation(answer, **{**given, **changed})

    patch.setattr("services.messaging.reconciling.decide_reconciliation", decide)


def change_store(patch: Patch, change: Callable[[Any, Any], tuple[Any, Any]]) -> None:
    """Lets every write of a mark be another: ``change`` is given its condition and its fields."""
    plain = MessageStore._change

    def changed(self: MessageStore, wanted: Any, *, set_: Mapping[str, Any], unset: Any = ()) -> Message | None:
        if "dispatchedBy" in set_:
            wanted, set_ = change(wanted, set_)
        return plain(self, wanted, set_=set_, unset=unset)

    patch.setattr(MessageStore, "_change", changed)


def mark_nothing(patch: Patch, _world: World) -> None:
    left_out = {"dispatchedAt", "dispatchedBy"}
    change_store(patch, lambda wanted, fields: (wanted, {k: v for k, v in fields.items() if k not in left_out}))


def let_anybody_mark(patch: Patch, _world: World) -> None:
    change_store(patch, lambda wanted, fields: ({"_id": wanted["_id"]}, fields))


def look_no_more(patch: Patch, _world: World) -> None:
    async def look(_self: object, _ready: object) -> None:
        return None

    patch.setattr(Checks, "look_once_more", look)


def give_nothing_back(patch: Patch, _world: World) -> None:
    async def give_back(_self: object, _ready: object) -> None:
        return None

    patch.setattr(Checks, "give_back", give_back)


SAFEGUARDS = (
    Safeguard(
        "What may have gone out is asked about before it is sent again",
        "services/messaging/reconciling.py",
        ask_nobody,
        death.test_an_answer_that_was_lost_after_delivery_is_found,
        lambda _world: ("answer_lost",),
    ),
    Safeguard(
        "The mark is stored before the call",
        "libs/common/stores/messages.py",
        mark_nothing,
        death.test_a_worker_that_dies_anywhere_neither_repeats_nor_loses,
        lambda _world: (FaultPoint.ANSWERED,),
    ),
    Safeguard(
        "Absence counts only when the first call can have no effect any more",
        "services/messaging/reconciliation.py",
        lambda patch, _world: decide_with(patch, since_mark=LONG, absent_for=LONG),
        death.test_what_did_not_go_out_is_sent_only_once_the_first_call_can_have_no_effect_any_more,
    ),
    Safeguard(
        "Absence counts only where the provider was awake for as long as it may take",
        "services/messaging/reconciliation.py",
        lambda patch, _world: decide_with(patch, absent_for=LONG),
        sleep.test_a_call_that_it_acts_on_when_it_wakes_is_not_repeated,
    ),
    Safeguard(
        "Only the attempt that holds a message may mark it",
        "libs/common/stores/messages.py",
        let_anybody_mark,
        stillness.test_a_worker_that_wakes_after_another_has_sent_does_nothing,
    ),
    Safeguard(
        "A call whose time has run out is not made",
        "services/messaging/stopwatch.py",
        lambda patch, _world: patch.setattr(Stopwatch, "within", lambda _self, _span: True),
        stillness.test_a_worker_that_stood_still_before_the_call_does_not_make_it,
    ),
    Safeguard(
        "A provider's message belongs to one message of ours",
        "libs/common/stores/message_indexes.py",
        lambda _patch, world: world.database[MESSAGES].drop_index("one_per_provider_message"),
        doubt.test_two_messages_of_one_text_are_told_apart_by_count,
    ),
    Safeguard(
        "Stops are read at the last instant before the call",
        "services/messaging/checks.py",
        look_no_more,
        stops.test_a_stop_is_seen_at_the_last_instant,
        lambda world: (StopStore(world.database), StopScope.WORKSPACE),
    ),
    Safeguard(
        "Who has opted out is not written to",
        "libs/common/stores/stops.py",
        lambda patch, _world: patch.setattr(StopStore, "has_opted_out", lambda _self, _concerned: False),
        stops.test_a_lead_that_has_opted_out_is_not_written_to,
    ),
    Safeguard(
        "A reservation that Redis lost is made anew before the call",
        "services/messaging/checks.py",
        lambda patch, _world: patch.setattr(BudgetsWithFallback, "still_reserved", lambda _self, _budget, _wish: True),
        limits.test_a_reservation_that_redis_lost_before_the_call_is_made_anew,
    ),
    Safeguard(
        "What a refused message had reserved is given back",
        "services/messaging/checks.py",
        give_nothing_back,
        refusals.test_what_a_refused_message_had_reserved_is_anothers,
    ),
)


@pytest.mark.parametrize("safeguard", SAFEGUARDS, ids=[guard.promise for guard in SAFEGUARDS])
def test_without_the_safeguard_its_test_fails(
    world: World, monkeypatch: pytest.MonkeyPatch, safeguard: Safeguard
) -> None:
    safeguard.remove(monkeypatch, world)
    with pytest.raises((AssertionError, pytest.fail.Exception, NotNow)):
        safeguard.proof(world, *safeguard.more(world))


def document() -> str:
    """The table as people read it."""
    rows = [f"| {guard.promise} | `{guard.where}` | `{guard.proof.__name__}` |" for guard in SAFEGUARDS]
    return "\n".join(["| promise | where | the test that fails without it |", "| --- | --- | --- |", *rows]) + "\n"


def test_the_table_in_the_documentation_is_this_one() -> None:
    assert document() in DOCUMENT.read_text(encoding="utf-8")
