"""An embedded server's data folder: who may use it, which port it had, and what the server logged."""

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from libs.embedded.errors import DataFolderBusyError

_LOCK_FILE = "lock"
_PORT_FILE = "port"
_POLL_S = 0.05
_TAIL_BYTES = 16_384


class DataFolder:
    """A folder that one server at a time may use.

    The lock is flock(2)'s: it belongs to the open file, which the server and its guard inherit, so the folder stays
    locked until the last of them has ended, whatever happens to the process that took it.

    Args:
        path: the folder, made when it is first locked; None for a new one in the system's temporary folder,
            deleted by :meth:`release`.
        log_name: name of the server's log in it.
    """

    def __init__(self, path: Path | None, *, log_name: str) -> None:
        self.temporary = path is None
        self.path = Path(tempfile.mkdtemp(prefix="tuco-")) if path is None else path.absolute()
        self.log = self.path / log_name
        self._lock_fd: int | None = None

    @property
    def lock_fd(self) -> int | None:
        """The descriptor that holds the lock, or None while the folder is not locked."""
        return self._lock_fd

    def lock(self, *, patience: timedelta = timedelta(seconds=15)) -> int:
        """Reserve the folder, and return the descriptor that holds it.

        Args:
            patience: how long to wait for the server of a run that has died; its guard is stopping it.

        Raises:
            DataFolderBusyError: another run uses it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        give_up_at = time.monotonic() + patience.total_seconds()
        while not _try_lock(descriptor):
            owner, server = _read_owner(descriptor)
            if owner is not None and _is_alive(owner):
                os.close(descriptor)
                raise DataFolderBusyError(self.path, owner=owner)
            if time.monotonic() > give_up_at:
                os.close(descriptor)
                raise DataFolderBusyError(self.path, owner=None, server=server)
            time.sleep(_POLL_S)
        self._lock_fd = descriptor
        self.record(server=None)
        return descriptor

    def record(self, *, server: int | None) -> None:
        """Note in the lock who holds it: this process, and the process id of its server."""
        if self._lock_fd is not None:
            _write(self._lock_fd, f"{os.getpid()} {server or ''}")

    def release(self) -> None:
        """Give the folder up; a temporary one is deleted. Doing it twice changes nothing."""
        if self._lock_fd is not None:
            _write(self._lock_fd, "")
            os.close(self._lock_fd)
            self._lock_fd = None
        if self.temporary:
            shutil.rmtree(self.path, ignore_errors=True)

    def known_port(self) -> int | None:
        """The port that the folder's server had last, or None."""
        with suppress(OSError, ValueError):
            return int((self.path / _PORT_FILE).read_text())
        return None

    def remember_port(self, port: int) -> None:
        """Note the port, so that the next run can use the same."""
        (self.path / _PORT_FILE).write_text(f"{port}\n")

    def rotate_log(self) -> None:
        """Keep the previous run's log under another name, and none older."""
        with suppress(FileNotFoundError):
            self.log.replace(self.log.with_suffix(".previous.log"))

    def log_tail(self, lines: int = 15) -> str:
        """The last lines of the server's log; empty where there are none."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, os.fstat(log.fileno()).st_size - _TAIL_BYTES))
                text = log.read().decode(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])


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
    numbers = [int(word) for word in os.pread(descriptor, 64, 0).split() if word.isdigit()]
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
