"""Faults of our own processes: killed, rolled out anew, frozen, poisoned."""

import signal
import time
from contextlib import suppress

from libs.common.broker.queue import JobQueue
from libs.common.jobs.bulk_availability import BULK_AVAILABILITY
from libs.common.jobs.message_processing import MESSAGE_PROCESSING
from libs.common.jobs.states import JobState
from tests.chaos.at_work import freeze_at_work, kill_at_work
from tests.chaos.fault import Fault, Run
from tests.chaos.frozen import is_stopped
from tests.chaos.setup import AVAILABILITY, DUE, LEASE_S, MESSAGING, SCHEDULER, Setup
from tests.chaos.work import Scale
from tests.chaos.world import World
from tests.waiting import wait_until

_KILLS = 5
_EVERY_S = 3.0
_FAULTY = "tests.chaos.faulty_messaging"
_QUEUES = {AVAILABILITY: BULK_AVAILABILITY.queue, MESSAGING: MESSAGE_PROCESSING.queue}
_WORKERS = tuple(_QUEUES)
_UP_AGAIN_S = 40.0
_AVAILABILITY_CALL = "handle/availability/imessage"
_FAILING_CALLS = 40
_KILLS_WHILE_RETRYING = 6


def kill_workers(run: Run, times: int = _KILLS) -> None:
    """kill -9 a worker every three seconds, in turn."""
    workers = run.world.processes(*_WORKERS)
    for number in range(times):
        victim = workers[number % len(workers)]
        run.world.note(f"kill -9 {victim.name}")
        victim.kill()
        time.sleep(_EVERY_S)  # the fault's own rhythm


def kill_while_retrying(run: Run) -> None:
    """kill -9 the workers of availability in turn, while the provider lets their jobs fail into a retry."""
    fault = {"fault": "http_503", "endpoint": _AVAILABILITY_CALL, "count": _FAILING_CALLS}
    run.world.tell_simulator("/faults", fault)
    workers = run.world.processes(AVAILABILITY)
    for number in range(_KILLS_WHILE_RETRYING):
        time.sleep(_EVERY_S / 2)  # the fault's own rhythm
        victim = workers[number % len(workers)]
        run.world.note(f"kill -9 {victim.name}")
        victim.kill()


def _failed_and_killed(run: Run) -> bool:
    faults = run.world.ask_simulator("/faults")["faults"]
    return any(fault["met"] > 0 for fault in faults) and _kills_counted(run)


def kill_one_of_each(run: Run) -> None:
    """kill -9 a worker of each kind while it has jobs in hand."""
    for name, queue in _QUEUES.items():
        victim = run.world.processes(name)[0]
        before = victim.restarts
        held = kill_at_work(run.world, victim, queue)
        run.world.note(f"kill -9 {victim.name} with {held} jobs in hand")
        assert held, f"{victim.name} was never seen at work"
        wait_until(lambda: victim.restarts > before, deadline_s=_UP_AGAIN_S, message=f"{victim.name} is back")  # noqa: B023 - awaited in the same turn


def _kills_counted(run: Run) -> bool:
    return run.world.restarts(*_WORKERS) >= len(run.world.injuries)


def roll_out(run: Run) -> None:
    """SIGTERM every process in turn, the next when the last is back, as a roll-out does."""
    for process in run.world.processes():
        before = process.restarts
        run.world.note(f"SIGTERM {process.name}")
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: process.restarts > before, deadline_s=_UP_AGAIN_S, message=f"{process.name} is back")  # noqa: B023 - awaited in the same turn
    run.world.stack.await_health(timeout_s=_UP_AGAIN_S)


def _all_rolled(run: Run) -> bool:
    return all(process.restarts >= 1 for process in run.world.processes())


def freeze(run: Run) -> None:
    """SIGSTOP one worker of each kind, jobs in hand, until its leases have long run out, then let it go on.

    One that was just writing a call has ended by then: the kernel sees to that.
    """
    victims = []
    for name, queue in _QUEUES.items():
        victim = run.world.processes(name)[0]
        victims.append((victim, victim.pid))
        held = freeze_at_work(run.world, victim, queue)
        run.world.note(f"SIGSTOP {victim.name} with {held} jobs in hand")
        assert held, f"{victim.name} was never seen at work"
    time.sleep(2.5 * LEASE_S)  # how long the fault lasts
    stood_still = [victim.pid != pid or is_stopped(pid) for victim, pid in victims]
    for victim, _ in victims:
        victim.resume()
    assert all(stood_still), "a worker was not frozen to the end"


def _any_injury(run: Run) -> bool:
    return bool(run.world.injuries)


def kill_a_scheduler(run: Run) -> None:
    """Kill one of two schedulers, and the worker that serves ticks."""
    victim = run.world.processes(SCHEDULER)[0]
    run.world.note(f"kill -9 {victim.name}")
    victim.kill()
    run.world.note(f"kill -9 {DUE}")
    run.world.processes(DUE)[0].kill()


def _scheduler_died(run: Run) -> bool:
    return run.world.restarts(SCHEDULER) >= 1 and run.world.restarts(DUE) >= 1


def die_at_points(run: Run) -> None:
    """Let workers die between the provider's answer and its record, and between the record and the acknowledgement."""
    for number in range(3):
        for point in ("marked", "answered", "recorded"):
            run.world.note(f"kill -9 at {point}")
            (run.world.orders / f"{point}.kill.{number}").touch()


def _orders_obeyed(run: Run) -> bool:
    return len(list(run.world.orders.glob("taken.*"))) == len(run.world.injuries)


def poison(run: Run) -> None:
    """Send a message of which every worker dies that takes it up."""
    message_id = run.producer.message(status="queued")
    (run.world.orders / f"poison.{message_id}").touch()
    data = {"messageId": message_id, "workspaceId": "chaos"}
    run.world.note("a poisoned message")
    answer = run.producer.post({"jobType": "message-processing", "data": data}, key=message_id)
    assert answer is not None
    assert answer.status_code == 202
    # Where it never becomes one, the evidence is missing in the end.
    with suppress(AssertionError):
        wait_until(lambda: _dead_letters(run.world) >= 1, deadline_s=60, message="the poisoned job is a dead letter")


def _dead_letters(world: World) -> int:
    return JobQueue(world.redis, "message-processing").stats().counts[JobState.FAILED]


def _died_of_poison(run: Run) -> bool:
    return len(list(run.world.orders.glob("died.*"))) >= 3 and _dead_letters(run.world) >= 1


FAULTS = (
    Fault(number=1, name="a worker killed every 3 s", injure=kill_workers, evidence=_kills_counted),
    Fault(
        number=1,
        name="workers killed while jobs fail into a retry",
        injure=kill_while_retrying,
        evidence=_failed_and_killed,
    ),
    Fault(
        number=1,
        name="one worker of each kind killed",
        injure=kill_one_of_each,
        evidence=_kills_counted,
        setup=Setup(lean=True),
        scale=Scale(jobs=5, leads_per_job=60, direct=40, scheduled=0, every_s=0.1, patience_s=60.0),
        short=True,
    ),
    Fault(
        number=2,
        name="workers killed between effect and acknowledgement",
        injure=die_at_points,
        evidence=_orders_obeyed,
        setup=Setup(messaging_module=_FAULTY),
    ),
    Fault(number=3, name="SIGTERM roll-out of every service", injure=roll_out, evidence=_all_rolled),
    Fault(
        number=4,
        name="a poison job that kills its workers",
        injure=poison,
        evidence=_died_of_poison,
        setup=Setup(messaging_module=_FAULTY),
    ),
    Fault(number=13, name="workers frozen past their leases", injure=freeze, evidence=_any_injury),
    Fault(
        number=14,
        name="two schedulers, one killed, and its worker",
        injure=kill_a_scheduler,
        evidence=_scheduler_died,
        setup=Setup(processes={SCHEDULER: 2}),
    ),
)
