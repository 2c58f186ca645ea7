"""Which life of Redis's data this is: tells a Redis that lost its memory from the one that was there before.

Two facts make an epoch. A marker that is written once vanishes with the data (FLUSHALL, a restart without data, a
replica that never had it). The server's run id (in a cluster, that of one of the servers) changes with every restart
and fail-over, in which the last writes may be lost although the marker survived (``appendfsync everysec``,
asynchronous replication).
"""

from redis import Redis

from libs.common.broker.cluster import info_of_servers
from libs.common.broker.connection import redis_errors
from libs.common.broker.keys import system_key
from libs.common.ids import IdFactory, new_job_id

EPOCH_KEY = system_key("epoch")


class RedisEpoch:
    """Reads the epoch, and starts one where there is none.

    Args:
        redis: a client that answers bytes.
        new_marker: makes the text of a new marker.
    """

    def __init__(self, redis: "Redis", *, new_marker: IdFactory = new_job_id) -> None:
        self._redis = redis
        self._new_marker = new_marker

    def current(self) -> str:
        """The epoch: it differs from an earlier answer whenever Redis may have lost something since.

        Raises:
            StoreUnavailable: Redis is away.
            QueueFull: the marker is gone and Redis has no memory for a new one.
        """
        with redis_errors():
            marker = self._redis.get(EPOCH_KEY)
            if marker is None:
                # Several processes may find it gone at once: the first one's marker counts for all.
                self._redis.set(EPOCH_KEY, self._new_marker(), nx=True)
                marker = self._redis.get(EPOCH_KEY)
            run_ids = sorted(server["run_id"] for server in info_of_servers(self._redis, "server"))
        return f"{marker!r}/{','.join(run_ids)}"

    def check_room(self) -> None:
        """Asks Redis whether it takes anything new, without adding anything.

        A write is refused for lack of memory before its condition is looked at, so this one costs nothing where the
        marker exists.

        Raises:
            QueueFull: ``maxmemory`` is reached.
            StoreUnavailable: Redis is away.
        """
        with redis_errors():
            self._redis.set(EPOCH_KEY, self._new_marker(), nx=True)
