"""A server process that cannot outlive this one: started, signalled and stopped through :mod:`libs.embedded.guard`."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Self, cast

from libs.embedded import guard


class GuardedProcess:
    """A running server and the guard that stops it when this process ends.

    Made by :meth:`spawn`. Not safe for use from several threads at once.
    """

    def __init__(self, guard_process: "subprocess.Popen[str]", pid: int) -> None:
        self._guard = guard_process
        self.pid = pid
        """The process id of the server itself, not of its guard."""

    @classmethod
    def spawn(
        cls,
        command: Sequence[str | Path],
        *,
        folder: Path,
        log: Path,
        lock: int,
        grace_s: float,
        discard: Path | None = None,
    ) -> Self:
        """Start ``command`` in ``folder``.

        Args:
            command: the program and its arguments.
            folder: its working directory.
            log: file that receives what it prints.
            lock: descriptor of the data folder's lock, which the server holds for as long as it runs.
            grace_s: seconds between SIGTERM and SIGKILL when it is stopped.
            discard: folder to delete when the server is stopped, be it because this process died.

        Raises:
            OSError: the program cannot be run.
        """
        options = ["--parent", os.getpid(), "--grace-s", grace_s, "--keep-fd", lock]
        if discard is not None:
            options += ["--discard", discard]
        arguments = [sys.executable, "-I", "-S", guard.__file__, *options, "--", *command]
        with log.open("wb") as log_file:
            process = subprocess.Popen(  # noqa: S603 - the command is the caller's own
                [str(argument) for argument in arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log_file,
                cwd=folder,
                pass_fds=[lock],
                start_new_session=True,  # Ctrl-C in a terminal is for the run, which stops its servers in order
                text=True,
            )
        word, rest = _read_word(process)
        if word != "started":
            _close(process)
            raise OSError(rest or "its guard process did not start")
        return cls(process, int(rest))

    @property
    def running(self) -> bool:
        """Whether the server's guard runs, and with it the server."""
        return self._guard.poll() is None

    def send_signal(self, number: signal.Signals) -> None:
        """Send ``number`` to the server itself; nothing happens if it has ended."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self) -> int | None:
        """Wait until the server has ended.

        Returns:
            Its exit status as subprocess reports it (negative: the signal that killed it), or None where unknown.
        """
        self._guard.wait()
        word, status = _read_word(self._guard)
        _close(self._guard)
        return int(status) if word == "exited" else None

    def stop(self) -> None:
        """Shut the server down and wait until it has ended; where its guard was killed, only kill it."""
        cast("IO[str]", self._guard.stdin).close()
        self._guard.wait()
        if self._guard.returncode != 0:
            self.send_signal(signal.SIGKILL)
        _close(self._guard)


def _read_word(process: "subprocess.Popen[str]") -> tuple[str, str]:
    """The guard's next line: its first word, and the rest."""
    word, _, rest = cast("IO[str]", process.stdout).readline().strip().partition(" ")
    return word, rest


def _close(process: "subprocess.Popen[str]") -> None:
    for stream in (process.stdin, process.stdout):
        cast("IO[str]", stream).close()
    process.wait()
