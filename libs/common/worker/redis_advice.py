"""Says in plain words, at a worker's start, where Redis is set up so that jobs could be lost.

It asks ``INFO``, which tells the same as ``CONFIG GET`` and is there on a managed Redis too. It only advises: a user
who may not ask works all the same.
"""

from typing import Any

from redis import Redis

from libs.common.broker.cluster import info_of_servers
from libs.common.broker.connection import redis_errors
from libs.common.errors import StoreUnavailable
from libs.common.logging import get_logger

log = get_logger(__name__)


def advise_about(redis: "Redis") -> None:
    """Warns where a server evicts keys or does not keep them on disk; of a cluster, about each kind of setting once."""
    try:
        with redis_errors():
            redis.ping()
    except StoreUnavailable as error:
        log.warning("redis.unavailable_at_start", reason=error.reason)
        return
    try:
        policies = _each(redis, "memory", "maxmemory_policy")
        append_only = _each(redis, "persistence", "aof_enabled")
    except StoreUnavailable as error:
        log.info(
            "redis.settings_unknown",
            reason=error.reason,
            advice="check that maxmemory-policy is noeviction and appendonly is yes",
        )
        return
    for policy in sorted(policies - {"noeviction"}):
        log.warning("redis.evicts", policy=policy, advice="set maxmemory-policy noeviction, or Redis may drop jobs")
    if 0 in append_only:
        log.warning("redis.not_persistent", advice="set appendonly yes; until then the ledger rebuilds lost queues")


def _each(redis: "Redis", section: str, name: str) -> set[Any]:
    """What the servers say, each value once; a server that does not say is left out."""
    with redis_errors():
        return {info[name] for info in info_of_servers(redis, section) if name in info}
