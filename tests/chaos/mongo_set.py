"""MongoDB as production has it: a replica set of three, of which any two elect a primary."""

from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, Self

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from libs.embedded import MongoServer, ports
from tests.waiting import wait_until

_NAME = "tuco"
_ELECTION_S = 40.0


class Member(MongoServer):
    """A mongod that becomes a member when it is told to; ready when it answers."""

    def _is_ready(self, pid: int) -> bool:
        with suppress(PyMongoError), self._connect() as client:
            return bool(client.admin.command("serverStatus")["pid"] == pid)
        return False


class MongoSet:
    """Three members on this machine; use it as a context manager.

    Args:
        database: the default one.
    """

    def __init__(self, database: str = "tuco") -> None:
        self._database = database
        self._stack = ExitStack()
        self.members = [Member(replica_set=_NAME) for _ in range(3)]

    @property
    def uri(self) -> str:
        """Names all three."""
        hosts = ",".join(f"{ports.HOST}:{member.port}" for member in self.members)
        return f"mongodb://{hosts}/{self._database}?replicaSet={_NAME}"

    def __enter__(self) -> Self:
        for member in self.members:
            self._stack.enter_context(member)
        hosts = [{"_id": place, "host": f"{ports.HOST}:{each.port}"} for place, each in enumerate(self.members)]
        config = {"_id": _NAME, "members": hosts, "settings": {"electionTimeoutMillis": 2_000}}
        self._ask(self.members[0], "replSetInitiate", config)
        wait_until(lambda: self.primary() is not None, deadline_s=_ELECTION_S, message="a primary is elected")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def primary(self) -> Member | None:
        """The member that takes writes now."""
        for member in self.members:
            if member.running:
                with suppress(PyMongoError):
                    if self._ask(member, "hello")["isWritablePrimary"]:
                        return member
        return None

    def await_primary(self, *, other_than: Member) -> Member:
        """Wait until another member has taken over."""

        def found() -> Member | None:
            primary = self.primary()
            return None if primary is other_than else primary

        return wait_until(found, deadline_s=_ELECTION_S, interval_s=0.2, message="another primary") or other_than

    def _ask(self, member: Member, command: str, value: object = 1) -> dict[str, Any]:
        uri = member.uri_for("admin", direct=True)
        with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=2_000, socketTimeoutMS=20_000) as client:
            return client.admin.command(command, value)
