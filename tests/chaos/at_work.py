"""Catching a worker while it has jobs in hand: to injure an idle one proves little."""

import signal
import time

from libs.cli.supervisor import SupervisedProcess
from libs.common.broker.keys import QueueKeys
from tests.chaos.world import World

_LOOKS = 300
_APART_S = 0.02


def freeze_at_work(world: World, victim: SupervisedProcess, queue: str) -> int:
    """Freeze a worker (SIGSTOP) at a moment at which it has jobs in hand; answer how many, 0 where none came.

    Args:
        world: the installation.
        victim: the worker; where no such moment came, it goes on.
        queue: the queue that it serves.
    """
    for _ in range(_LOOKS):
        victim.pause()
        if held := _held_by(world, victim, queue):
            return held
        victim.resume()
        time.sleep(_APART_S)  # so that it gets on between two looks
    return 0


def kill_at_work(world: World, victim: SupervisedProcess, queue: str) -> int:
    """Kill a worker (SIGKILL) at a moment at which it has jobs in hand; answer how many, 0 where none came."""
    held = freeze_at_work(world, victim, queue)
    victim.send_signal(signal.SIGKILL)
    return held


def _held_by(world: World, victim: SupervisedProcess, queue: str) -> int:
    """A lease is ``fence:since:worker``, and a worker's name ends in its process id."""
    leases: list[bytes] = world.redis.hvals(QueueKeys(queue)["leases"].decode())
    return sum(lease.endswith(f":{victim.pid}".encode()) for lease in leases)
