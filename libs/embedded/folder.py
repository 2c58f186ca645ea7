"""An embedded server's data folder: who may use it, which port it had, and what the server logged."""

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path

from libs.embedded.errors import DataFolderBusyError, EmbeddedServerError

_LOCK_FILE = "lock"
_PORT_FILE = "port"
_POLL_S = 0.05
_TAIL_BYTES = 65_536
_PATIENCE = timedelta(seconds=15)


class DataFolder:
    """A folder that one server at a time may use.

    The lock is flock(2)'s: it belongs to the open file, which the server and its guard inherit, so the folder stays
    locked until the last of them has ended, whatever happens to the process that took it. The lock's file names that
    process and the server.

    Args:
        path: the folder, made when it is first locked; None for a new one in the system's temporary folder,
            deleted by :meth:`release`.
        log_name: name of the server's log in it.
    """

    def __init__(self, path: Path | None, *, log_name: str) -> None:
        self.temporary = path is None
        """Whether the data need not survive."""
        self.path = Path(tempfile.mkdtemp(prefix="tuco-")) if path is None else path.absolute()
        """The folder."""
        self.log = self.path / log_name
        """The server's log."""
        self._descriptor: int | None = None

    @property
    def locked(self) -> bool:
        """Whether this object holds the folder."""
        return self._descriptor is not None

    def lock(self, *, patience: timedelta = _PATIENCE) -> int:
        """Reserve the folder, and return the descriptor that holds it; at once where that is so already.

        Args:
            patience: how long to wait for a server whose run has ended; its guard is stopping it.

        Raises:
            DataFolderBusyError: another run uses it.
            EmbeddedServerError: the system does not let us use it.
        """
        if self._descriptor is None:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                self._descriptor = _acquire(self.path, patience)
            except OSError as error:
                raise EmbeddedServerError(f"{self.path} cannot be a data folder: {error.strerror}.") from error
            self.note_server(None)
        return self._descriptor

    def note_server(self, pid: int | None) -> None:
        """Write into the lock which server runs on the folder, for the message that another run gets."""
        if self._descriptor is not None:
            _write(self._descriptor, f"{os.getpid()} {pid or ''}")

    def unlock(self) -> None:
        """Give the folder up; what still runs on it keeps it locked until it has ended."""
        if self._descriptor is not None:
            _write(self._descriptor, "")
            os.close(self._descriptor)
            self._descriptor = None

    def release(self) -> None:
        """Give the folder up; a temporary one is deleted when nothing runs on it. May be called twice."""
        self.unlock()
        if self.temporary and self.path.exists():
            with suppress(DataFolderBusyError):
                self.lock(patience=_PATIENCE)
            shutil.rmtree(self.path, ignore_errors=True)
            self.unlock()

    def known_port(self) -> int | None:
        """The port that the folder's server had last, or None."""
        with suppress(FileNotFoundError, ValueError):
            return int((self.path / _PORT_FILE).read_text())
        return None

    def remember_port(self, port: int) -> None:
        """Note the port, so that the next run can use the same."""
        (self.path / _PORT_FILE).write_text(f"{port}\n")

    def rotate_log(self) -> None:
        """Keep the log of the last start under another name, and none older."""
        with suppress(FileNotFoundError):
            self.log.replace(self.log.with_suffix(".previous.log"))

    def last_log_lines(self, count: int) -> list[str]:
        """The last lines of the server's log; empty where there are none."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, os.fstat(log.fileno()).st_size - _TAIL_BYTES))
                return log.read().decode(errors="replace").splitlines()[-count:]
        except FileNotFoundError:
            return []


def _acquire(folder: Path, patience: timedelta) -> int:
    with ExitStack() as stack:
        descriptor = os.open(folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        stack.callback(os.close, descriptor)
        give_up_at = time.monotonic() + patience.total_seconds()
        while not _try_lock(descriptor):
            owner, server = _read_owner(descriptor)
            if owner is not None and _is_alive(owner):
                raise DataFolderBusyError(folder, owner=owner)
            if time.monotonic() > give_up_at:
                raise DataFolderBusyError(folder, owner=None, server=server)
            time.sleep(_POLL_S)
        stack.pop_all()
    return descriptor


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(descriptor: int, text: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)


def _read_owner(descriptor: int) -> tuple[int | None, int | None]:
    """The process that took the lock and the server on the folder, as far as they are known."""
    numbers = [int(word) for word in os.pread(descriptor, 64, 0).split()]
    owner, server, *_ = [*numbers, None, None]
    return owner, server


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
