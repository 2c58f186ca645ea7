"""What every embedded server has in common: a folder, a port, a start that ends when it is ready, and a sure end."""

import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from signal import SIGCONT, SIGILL, SIGKILL, SIGSTOP, Signals
from types import TracebackType
from typing import ClassVar, Self

from libs.embedded import binaries, ports
from libs.embedded.errors import EmbeddedServerError, StartFailedError
from libs.embedded.folder import DataFolder
from libs.embedded.process import GuardedProcess

_POLL_S = 0.01
_PORT_ATTEMPTS = 3
_PORT_PATIENCE_S = 1.0
_LOADER_FAILED = 127  # what the dynamic loader exits with when a library is missing or too old


class EmbeddedServer(ABC):
    """A server on 127.0.0.1 that belongs to this process and ends with it, even when this process is killed.

    Use it as a context manager, or call :meth:`start` and :meth:`stop`. Not safe for use from several threads at once.

    Args:
        data_dir: where its data live: a later start on the same folder finds them, a second one at once is refused.
            None: a temporary folder that is deleted when the server stops.
        port: the port it must have. None: the one that the folder's server had last if it is free, else any free one.
        binary: the server's program. None: the one that :mod:`libs.embedded.binaries` finds.
        start_deadline: how long a start may take.
    """

    program: ClassVar[binaries.Program]
    """The program that it runs."""
    grace_s: ClassVar[float] = 10.0
    """Seconds that an orderly end may take; a server on a temporary folder gets none."""

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        port: int | None = None,
        binary: Path | None = None,
        start_deadline: timedelta = timedelta(seconds=30),
    ) -> None:
        self._binary = binary or binaries.find(self.program)
        self._fixed_port = port
        self._start_deadline = start_deadline
        self._folder = DataFolder(data_dir, log_name=f"{self.program.name}.log")
        self._port: int | None = None
        self._process: GuardedProcess | None = None

    @abstractmethod
    def _command(self, port: int) -> Sequence[str | Path]:
        """Write what the server needs into its folder, and return its command line."""

    @abstractmethod
    def _is_ready(self, pid: int) -> bool:
        """Whether the server, whose process is ``pid``, serves; it accepts connections already."""

    def _readable(self, log_line: str) -> str:
        """A line of the server's log, for a person."""
        return log_line

    def _suits(self, port: int) -> bool:
        """Whether the server could listen on ``port``."""
        return ports.is_free(port)

    @property
    def data_dir(self) -> Path:
        """The folder of its data, its log (``NAME.log``) and its lock."""
        return self._folder.path

    @property
    def temporary(self) -> bool:
        """Whether its data are deleted when it stops."""
        return self._folder.temporary

    @property
    def port(self) -> int:
        """Its port on 127.0.0.1; the same after :meth:`kill` and :meth:`start`.

        Raises:
            EmbeddedServerError: it was never started.
        """
        if self._port is None:
            raise EmbeddedServerError(f"{self.program.name} has not been started, so it has no port yet.")
        return self._port

    @property
    def pid(self) -> int:
        """The process id of the server itself.

        Raises:
            EmbeddedServerError: it does not run.
        """
        return self._running_process().pid

    @property
    def running(self) -> bool:
        """Whether it runs (a paused server does)."""
        return self._process is not None and self._process.running

    def start(self) -> Self:
        """Start the server and wait until it serves; nothing happens if it runs.

        After :meth:`kill`, or a crash, it starts on the same port and data.

        Raises:
            DataFolderBusyError: another run uses the folder.
            StartFailedError: it did not become ready; the message holds the end of its log.
        """
        if self.running:
            return self
        restarted = self._folder.locked
        self._forget_crashed()
        lock = self._folder.lock()
        try:
            self._start_on_some_port(lock, port=self._port if restarted else self._fixed_port)
        except BaseException:
            self.stop()
            raise
        self._folder.remember_port(self.port)
        return self

    def stop(self) -> None:
        """Shut the server down in order, wait until it has ended, and give up its folder; may be called twice."""
        if self._process is not None:
            self._process.stop()
            self._process = None
        self._folder.release()

    def kill(self) -> None:
        """Kill the server as a crash would (SIGKILL); its folder and port stay reserved for :meth:`start`."""
        process = self._running_process()
        process.send_signal(SIGKILL)
        process.wait()
        self._process = None

    def pause(self) -> None:
        """Freeze the server (SIGSTOP): connections stay open and nothing answers, as when a machine hangs."""
        self._running_process().send_signal(SIGSTOP)

    def resume(self) -> None:
        """Let a paused server go on."""
        self._running_process().send_signal(SIGCONT)

    def log_tail(self, lines: int = 15) -> str:
        """The last lines that the server logged, readable."""
        return "\n".join(self._readable(line) for line in self._folder.last_log_lines(lines))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _running_process(self) -> GuardedProcess:
        if self._process is None or not self._process.running:
            raise EmbeddedServerError(f"{self.program.name} does not run.")
        return self._process

    def _forget_crashed(self) -> None:
        """Where the server or its guard has died by itself, take the folder anew: what is left of it may still run."""
        if self._process is not None:
            self._process.stop()
            self._process = None
            self._folder.unlock()

    def _start_on_some_port(self, lock: int, *, port: int | None) -> None:
        """Start on ``port`` or, where that is None, on one that may have to be chosen again if another takes it."""
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            self._port = self._choose_port() if port is None else port
            if not self._is_or_becomes_free(self._port):
                raise self._failure(f"port {self._port} is in use")
            try:
                return self._launch(self._port, lock)
            except StartFailedError:
                port_was_taken = self._process is None and not self._suits(self._port)
                if port is not None or not port_was_taken or attempt == _PORT_ATTEMPTS:
                    raise
        return None

    def _is_or_becomes_free(self, port: int) -> bool:
        """Whether ``port`` is free at last; a process that has just died gives up its lock before its port."""
        give_up_at = time.monotonic() + _PORT_PATIENCE_S
        while not self._suits(port):
            if time.monotonic() > give_up_at:
                return False
            time.sleep(_POLL_S)
        return True

    def _choose_port(self) -> int:
        known = self._folder.known_port()
        return known if known is not None and self._suits(known) else ports.choose(self._suits)

    def _launch(self, port: int, lock: int) -> None:
        self._folder.rotate_log()
        command = self._command(port)
        try:
            self._process = GuardedProcess.spawn(
                command,
                folder=self._folder.path,
                log=self._folder.log,
                lock=lock,
                grace_s=0 if self._folder.temporary else self.grace_s,
                discard=self._folder.path if self._folder.temporary else None,
            )
        except OSError as error:
            raise self._failure(str(error), unusable=True) from error
        self._folder.note_server(self._process.pid)
        self._await_ready(self._process, port)

    def _await_ready(self, process: GuardedProcess, port: int) -> None:
        began = time.monotonic()
        while True:
            if not process.running:
                status = process.wait()
                self._process = None
                raise self._failure(f"it ended {_describe(status)}", unusable=_cannot_run(status, self.log_tail()))
            if _accepts_connections(port) and self._is_ready(process.pid):
                return
            waited = time.monotonic() - began
            if waited > self._start_deadline.total_seconds():
                raise self._failure(f"it was not ready within {self._start_deadline.total_seconds():g} seconds")
            time.sleep(max(_POLL_S, waited / 20))

    def _failure(self, reason: str, *, unusable: bool = False) -> StartFailedError:
        """The error to raise.

        Args:
            reason: what happened, in a few words.
            unusable: whether the program seems unable to run on this machine at all.
        """
        hint = f"Its program, {self._binary}, needs {self.program.needs}. Otherwise:\n{self.program.alternatives}"
        return StartFailedError(self.program.name, reason, log_tail=self.log_tail(), hint=hint if unusable else "")


def _cannot_run(status: int | None, log_tail: str) -> bool:
    """Whether a server that ended so could not have run on this machine at all."""
    return status in (_LOADER_FAILED, -SIGILL) or "GLIBC" in log_tail


def _describe(status: int | None) -> str:
    if status is None:
        return "with its guard"
    return f"with status {status}" if status >= 0 else f"by {Signals(-status).name}"


def _accepts_connections(port: int) -> bool:
    try:
        socket.create_connection((ports.HOST, port), timeout=1).close()
    except OSError:
        return False
    return True
