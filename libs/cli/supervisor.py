"""Processes that are started, watched, restarted and stopped together, and that never outlive their starter.

The smallest use::

    with Supervisor(on_line=lambda name, line: print(name, line)) as supervisor:
        worker = supervisor.start(python_module("worker-1", "services.availability", "--queue", "bulk-availability"))
        worker.kill()                        # as a crash would; the supervisor starts it again after a pause
        worker.wait_restarted(timeout_s=10)

Each process runs under :mod:`libs.embedded.guard`, which ends it when this process ends, even after SIGKILL. Callbacks
are called from the supervisor's threads, one at a time per process; they must not call back into the supervisor.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import IO, Self, cast

from libs.common.errors import TucoError
from libs.embedded import guard

_LINE_BYTES = 65_536
_KEPT_LINES = 40
_READER_PATIENCE_S = 1.0


class ProcessNotStartedError(TucoError):
    """A process could not be started; the message says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """How a process is run.

    Args:
        name: how it is called in output and messages.
        command: the program and its arguments.
        environ: all its environment variables.
        grace: how long it may take to end after SIGTERM before it is killed.
    """

    name: str
    command: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    grace: timedelta = timedelta(seconds=10)


def python_module(
    name: str,
    module: str,
    *arguments: str,
    environ: Mapping[str, str] | None = None,
    grace: timedelta = timedelta(seconds=10),
) -> ProcessSpec:
    """A process that runs a Python module as a program, with this interpreter and unbuffered output.

    Args:
        name: how it is called in output and messages.
        module: as after ``python -m``.
        arguments: the program's arguments.
        environ: all its environment variables; this process's own where None.
        grace: how long it may take to end after SIGTERM before it is killed.
    """
    return ProcessSpec(
        name=name,
        command=(sys.executable, "-m", module, *arguments),
        environ={**(os.environ if environ is None else environ), "PYTHONUNBUFFERED": "1"},
        grace=grace,
    )


@dataclass(frozen=True, slots=True)
class Started:
    """A process runs.

    Args:
        name: its name.
        pid: its process id.
        restarts: how often it was started before.
    """

    name: str
    pid: int
    restarts: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A process has ended.

    Args:
        name: its name.
        status: its exit status; negative: the signal that killed it; None where unknown.
        asked: whether the supervisor had asked it to end.
        restart_in_s: seconds until it is started again; None where it is not.
    """

    name: str
    status: int | None
    asked: bool
    restart_in_s: float | None


Event = Started | Ended


@dataclass(frozen=True, slots=True)
class RestartPause:
    """How long a process that died waits before it is started again: doubling, until a run was calm.

    Args:
        first_s: seconds before the first restart.
        longest_s: seconds that no pause exceeds.
        calm_s: a run of so many seconds counts as a success.
    """

    first_s: float = 0.5
    longest_s: float = 30.0
    calm_s: float = 20.0

    def after(self, failures: int) -> float:
        """Seconds to wait after so many short runs in a row, at least one."""
        return float(min(self.longest_s, self.first_s * 2 ** (min(failures, 32) - 1)))


def ending_in_words(status: int | None) -> str:
    """An exit status for a person: ``with status 1``, ``by SIGKILL``."""
    if status is None:
        return "in an unknown way"
    if status < 0:
        with suppress(ValueError):
            return f"by {signal.Signals(-status).name}"
    return f"with status {status}"


class SupervisedProcess:
    """A process under a supervisor; made by :meth:`Supervisor.start`. Safe for use from several threads."""

    def __init__(
        self,
        spec: ProcessSpec,
        *,
        restart: bool,
        pause: RestartPause,
        on_line: Callable[[str, str], None],
        on_event: Callable[[Event], None],
    ) -> None:
        self.spec = spec
        self._restart = restart
        self._pause = pause
        self._on_line = on_line
        self._on_event = on_event
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._guard: subprocess.Popen[str] | None = None
        self._pid: int | None = None
        self._status: int | None = None
        self._restarts = 0
        self._last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._keeper = threading.Thread(target=self._keep, name=f"keeper of {spec.name}", daemon=True)

    @property
    def name(self) -> str:
        """How it is called."""
        return self.spec.name

    @property
    def pid(self) -> int | None:
        """The process id, or None while it does not run."""
        return self._pid

    @property
    def running(self) -> bool:
        """Whether it runs now; a paused process does."""
        return self._pid is not None

    @property
    def restarts(self) -> int:
        """How often it has been started again."""
        return self._restarts

    @property
    def status(self) -> int | None:
        """How its last run ended; negative: the signal that killed it; None where it has not ended or is unknown."""
        return self._status

    @property
    def last_lines(self) -> Sequence[str]:
        """The end of what it has printed, over all its runs."""
        return list(self._last_lines)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself; nothing happens where it does not run."""
        with self._changed:
            if self._pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(self._pid, number)

    def kill(self) -> None:
        """Kill it as a crash would (SIGKILL), and return when it has ended; it is restarted if that was agreed."""
        with self._changed:
            victim = self._pid
            self.send_signal(signal.SIGKILL)
            self._changed.wait_for(lambda: self._pid != victim or victim is None)

    def pause(self) -> None:
        """Freeze it (SIGSTOP), as when a machine hangs."""
        self.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen process go on (SIGCONT)."""
        self.send_signal(signal.SIGCONT)

    def wait(self, *, timeout_s: float | None = None) -> bool:
        """Wait until it has ended for good; false where it has not within ``timeout_s`` seconds."""
        self._keeper.join(timeout_s)
        return not self._keeper.is_alive()

    def wait_restarted(self, *, count: int = 1, timeout_s: float) -> bool:
        """Wait until it has been started again ``count`` times; false where it has not within ``timeout_s`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._restarts >= count, timeout_s)

    def ask_to_stop(self) -> None:
        """Ask it to end in order (SIGTERM, then SIGKILL after its grace), and return at once."""
        self._stopping.set()
        with self._changed:
            if self._guard is not None:
                with suppress(OSError):
                    cast("IO[str]", self._guard.stdin).close()

    def stop(self) -> None:
        """Have it end in order, and return when it has; may be called twice."""
        self.ask_to_stop()
        if self._keeper.ident is not None:
            self._keeper.join()

    def launch(self) -> None:
        """Start it for the first time.

        Raises:
            ProcessNotStartedError: its program cannot be run.
        """
        self._spawn()
        self._on_event(Started(self.name, cast("int", self._pid), 0))
        self._keeper.start()

    def _keep(self) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            status = self._await_end()
            failures = 1 if time.monotonic() - began > self._pause.calm_s else failures + 1
            while True:
                again = self._restart and not self._stopping.is_set()
                delay = self._pause.after(failures) if again else None
                self._on_event(Ended(self.name, status, asked=self._stopping.is_set(), restart_in_s=delay))
                if delay is None or self._stopping.wait(delay):
                    return
                try:
                    self._spawn()
                except ProcessNotStartedError as error:
                    self._take_line(str(error))
                    failures, status = failures + 1, None
                else:
                    break
            with self._changed:
                self._restarts += 1
                self._changed.notify_all()
            self._on_event(Started(self.name, cast("int", self._pid), self._restarts))

    def _spawn(self) -> None:
        options = ["--parent", str(os.getpid()), "--grace-s", str(self.spec.grace.total_seconds())]
        process = subprocess.Popen(  # noqa: S603 - the command is the caller's own
            [sys.executable, "-I", "-S", guard.__file__, *options, "--", *self.spec.command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(self.spec.environ),
            start_new_session=True,  # Ctrl-C in a terminal is for the supervisor, which stops its processes in order
            text=True,
            errors="replace",
        )
        word, rest = _read_word(process)
        if word != "started":
            process.communicate()
            raise ProcessNotStartedError(f"{self.name} could not be started: {rest or 'its guard ended'}")
        with self._changed:
            self._guard, self._pid, self._status = process, int(rest), None
            if self._stopping.is_set():
                cast("IO[str]", process.stdin).close()

    def _await_end(self) -> int | None:
        process = cast("subprocess.Popen[str]", self._guard)
        reader = threading.Thread(target=self._read_lines, args=[process.stderr], daemon=True)
        reader.start()
        word, rest = _read_word(process)
        process.wait()
        # A process may leave a descendant that holds the other end; what it says later is nobody's.
        reader.join(_READER_PATIENCE_S)
        status = int(rest) if word == "exited" else None
        with self._changed:
            for stream in (process.stdin, process.stdout):
                with suppress(OSError):
                    cast("IO[str]", stream).close()
            self._guard, self._pid, self._status = None, None, status
            self._changed.notify_all()
        return status

    def _read_lines(self, stream: IO[str]) -> None:
        with suppress(ValueError, OSError):
            while line := stream.readline(_LINE_BYTES):
                self._take_line(line.rstrip("\n"))
        stream.close()

    def _take_line(self, line: str) -> None:
        self._last_lines.append(line)
        self._on_line(self.name, line)


def _read_word(process: "subprocess.Popen[str]") -> tuple[str, str]:
    """The guard's next line: its first word, and the rest."""
    word, _, rest = cast("IO[str]", process.stdout).readline().strip().partition(" ")
    return word, rest


def _ignore_line(_name: str, _line: str) -> None:
    return None


def _ignore_event(_event: Event) -> None:
    return None


class Supervisor:
    """Runs processes for as long as it lives itself.

    Args:
        on_line: called with a process's name and each line that it prints, on standard output or standard error.
        on_event: called when a process has started or ended.
        pause: how long a process that died waits before it is started again.
    """

    def __init__(
        self,
        *,
        on_line: Callable[[str, str], None] = _ignore_line,
        on_event: Callable[[Event], None] = _ignore_event,
        pause: RestartPause = RestartPause(),
    ) -> None:
        self._on_line = on_line
        self._on_event = on_event
        self._pause = pause
        self._processes: list[SupervisedProcess] = []

    @property
    def processes(self) -> Sequence[SupervisedProcess]:
        """All that were started, in that order."""
        return tuple(self._processes)

    def start(self, spec: ProcessSpec, *, restart: bool = True) -> SupervisedProcess:
        """Start a process.

        Args:
            spec: how it is run.
            restart: whether it is started again when it ends without being asked to.

        Raises:
            ProcessNotStartedError: its program cannot be run.
        """
        process = SupervisedProcess(
            spec, restart=restart, pause=self._pause, on_line=self._on_line, on_event=self._on_event
        )
        process.launch()
        self._processes.append(process)
        return process

    def stop(self, processes: Iterable[SupervisedProcess] | None = None) -> None:
        """Have processes end in order, side by side, and return when all have; may be called twice.

        Args:
            processes: which; all where None.
        """
        leaving = list(self._processes if processes is None else processes)
        for process in leaving:
            process.ask_to_stop()
        for process in leaving:
            process.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
