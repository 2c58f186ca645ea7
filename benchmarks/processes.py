"""Processes that a benchmark starts: they speak in lines of JSON, and end with their standard input."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import IO, Any, cast

ROOT = Path(__file__).parents[1]
NODE_FOLDER = ROOT / "benchmarks" / "node"

_PATIENCE_S = 30.0
_TIME_TO_END_S = 10.0


class ProcessFailedError(Exception):
    """A process ended, or did not say in time what was waited for."""


class Talking:
    """A process that is running.

    Args:
        process: with its standard input and output open as text.
        name: what it is called where it fails.
    """

    def __init__(self, process: "subprocess.Popen[str]", name: str) -> None:
        self._process = process
        self._name = name
        self._said: Queue[str] = Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def pid(self) -> int:
        """Its id."""
        return self._process.pid

    @property
    def cpu_s(self) -> float:
        """The processor time that it and its children have taken, in seconds."""
        return sum(cpu_s_of(pid) for pid in (self.pid, *_children_of(self.pid)))

    @property
    def memory_mb(self) -> float:
        """The resident memory that it and its children take."""
        return sum(memory_mb_of(pid) for pid in (self.pid, *_children_of(self.pid)))

    @property
    def has_spoken(self) -> bool:
        """Whether it has said something that was not heard yet."""
        return not self._said.empty()

    def say(self, words: object) -> None:
        """Tells it something, as one line of JSON."""
        stdin = cast("IO[str]", self._process.stdin)
        stdin.write(json.dumps(words) + "\n")
        stdin.flush()

    def hear(self, *, within_s: float = _PATIENCE_S) -> dict[str, Any]:
        """The next line that it says.

        Raises:
            ProcessFailedError: it said nothing in time.
        """
        try:
            line = self._said.get(timeout=within_s)
        except Empty:
            raise ProcessFailedError(f"{self._name} said nothing in {within_s:g} s") from None
        if not line:
            raise ProcessFailedError(f"{self._name} has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _listen(self) -> None:
        for line in cast("IO[str]", self._process.stdout):
            self._said.put(line)
        self._said.put("")


@contextmanager
def talking(
    command: Sequence[str], *, environ: Mapping[str, str] | None = None, stderr: int | None = None
) -> Iterator[Talking]:
    """Starts a process in the repository's folder, and ends it with the block.

    Args:
        command: what to start.
        environ: variables beside our own.
        stderr: where its log goes, in subprocess's terms; to our own where nothing is said.
    """
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(environ or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    ) as process:
        try:
            yield Talking(process, " ".join(command[:4])[:100])
        finally:
            process.terminate()
            cast("IO[str]", process.stdin).close()
            try:
                process.wait(_TIME_TO_END_S)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def all_talking(commands: Sequence[tuple[Sequence[str], Mapping[str, str]]]) -> Iterator[list[Talking]]:
    """Starts several."""
    with ExitStack() as stack:
        yield [stack.enter_context(talking(command, environ=environ)) for command, environ in commands]


def in_python(module: str, *arguments: str) -> list[str]:
    """The command that runs a module."""
    return [sys.executable, "-m", module, *arguments]


def in_node(program: str, *arguments: str) -> list[str]:
    """The command that runs a program of ``benchmarks/node``."""
    return ["node", str(NODE_FOLDER / program), *arguments]


def node_is_missing(*packages: str) -> str | None:
    """Why programs that need these packages cannot run here, or ``None``."""
    if shutil.which("node") is None:
        return "Node.js is not installed"
    absent = [name for name in packages if not (NODE_FOLDER / "node_modules" / name).is_dir()]
    return f"{', '.join(absent)} not installed (make bench does that where npm is there)" if absent else None


def cpu_s_of(pid: int) -> float:
    """The processor time that a process has taken, in seconds; 0 where it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb_of(pid: int) -> float:
    """The resident memory of a process; 0 where it has ended."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1]
    except FileNotFoundError:
        return 0.0
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1_000_000


def _children_of(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return []
    return [int(child) for child in children]
