"""What can go wrong with an embedded server, in messages that a person can act on without a traceback."""

from pathlib import Path

from libs.common.errors import TucoError


class EmbeddedServerError(TucoError):
    """An embedded server cannot be used."""


class ServerMissingError(EmbeddedServerError):
    """This machine has no program for an embedded server; the message says what to install or which variable to set."""


class DataFolderBusyError(EmbeddedServerError):
    """Another run uses the data folder.

    Args:
        folder: the data folder.
        owner: the process that holds it, where known.
        server: the server program that holds it, where its owner has died.
    """

    def __init__(self, folder: Path, *, owner: int | None, server: int | None = None) -> None:
        self.folder = folder
        self.owner = owner
        self.server = server
        if server is not None:
            super().__init__(
                f"{folder} is in use by process {server}, a server whose owner has died. Stop it with: kill {server}"
            )
        else:
            by = f"process {owner}" if owner is not None else "another process"
            super().__init__(f"{folder} is in use by {by}. Stop that one first, or choose another data folder.")


class StartFailedError(EmbeddedServerError):
    """A server did not become ready.

    Args:
        name: the server (``redis-server``).
        reason: what happened, in a few words.
        log_tail: the last lines of the server's log.
        hint: what to do about it, where that is known.
    """

    def __init__(self, name: str, reason: str, *, log_tail: str, hint: str = "") -> None:
        self.name = name
        self.reason = reason
        self.log_tail = log_tail
        log = f"The end of its log:\n{log_tail}" if log_tail else "It logged nothing."
        super().__init__("\n".join(part for part in (f"{name} did not start: {reason}.", hint, log) if part))
