"""Starts a peer's processes and talks to them; the same for all peers, whatever they are written in."""

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from benchmarks.processes import NODE_FOLDER, ROOT, in_node, in_python
from benchmarks.queue.peers.peer import JobKind
from benchmarks.queue.reports import Loaded, Pinged, Ran, Report, ReportPipe, Started

_PATIENCE_S = 60.0


class PeerFailedError(Exception):
    """A peer's process ended, or did not do in time what it was asked."""


class NothingHappenedError(PeerFailedError):
    """What was waited for did not come in time."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A peer, from outside.

    Args:
        name: its name in the results.
        command: starts one of its processes, given Redis's address and a role.
        share: how large a part of a row's jobs it gets, so that a slow peer does not take minutes.
        has_bulk: whether it has a call that adds many jobs.
        concurrent: whether one process runs several jobs at once.
        environment: variables that its processes get.
        only: the measurements that it takes part in; all where nothing is named.
    """

    name: str
    command: tuple[str, ...]
    share: float
    has_bulk: bool = True
    concurrent: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)
    only: Collection[str] = ()


def _in_python(name: str) -> tuple[str, ...]:
    return tuple(in_python("benchmarks.queue.child", name))


OURS = Contestant("tuco-jobs", _in_python("tuco-jobs"), share=2)
_LARGE_PREFETCH = {"dramatiq_queue_prefetch": "1000"}
BULLMQ = Contestant("bullmq", tuple(in_node("child.js")), share=1)
BARE_SOCKETS = Contestant("bare-sockets", _in_python("bare-sockets"), share=1, only=("pickup",))
ALL = (
    OURS,
    BULLMQ,
    Contestant("dramatiq", _in_python("dramatiq"), share=0.2, has_bulk=False, environment=_LARGE_PREFETCH),
    Contestant("celery", _in_python("celery"), share=0.06, has_bulk=False),
    Contestant("rq", _in_python("rq"), share=0.03, concurrent=False),
    BARE_SOCKETS,
)


def node_versions() -> list[str]:
    """The versions of Node.js and of what runs on it."""
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    packages = json.loads((NODE_FOLDER / "package.json").read_text())["dependencies"]
    return [f"Node {node}", *(f"{name} {version}" for name, version in packages.items())]


class Producer:
    """A process that adds jobs."""

    def __init__(self, process: "subprocess.Popen[str]", data: dict[str, Any], log: Path) -> None:
        self._process = process
        self._data = data
        self._log = log

    def enqueue(self, count: int, *, in_bulk: bool = True, groups: int = 1, warm_up: int = 0) -> float:
        """Adds jobs; answers the seconds that took.

        Args:
            count: how many.
            in_bulk: by the call that is for many, or one by one.
            groups: over how many workspaces they are spread.
            warm_up: how many to add before the clock runs.
        """
        how = "enqueue_bulk" if in_bulk else "enqueue_one"
        answer = self._ask({"do": how, "count": count, "warm_up": warm_up, "groups": groups, "data": self._data})
        return float(answer["seconds"])

    def ping(self) -> None:
        """Adds one job with the time at which it is sent."""
        self._ask({"do": "ping", "data": self._data})

    def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        to, answers = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)
        to.write(json.dumps(command) + "\n")
        to.flush()
        line = answers.readline()
        if not line:
            raise PeerFailedError(_last_words(self._log))
        answer: dict[str, Any] = json.loads(line)
        return answer


class Workers:
    """Worker processes of one peer, and what they report.

    Args:
        processes: the processes.
        pipe: what they report to.
        log: where they write what they have to say.
    """

    def __init__(self, processes: "Sequence[subprocess.Popen[str]]", pipe: ReportPipe, log: Path) -> None:
        self._processes = processes
        self._pipe = pipe
        self._log = log

    @property
    def process_ids(self) -> list[int]:
        """The processes that were started; they may have children."""
        return [process.pid for process in self._processes]

    def go(self) -> None:
        """Lets them begin, once all have imported what they need."""
        loaded = 0
        for report in self.reports(within_s=_PATIENCE_S):
            loaded += isinstance(report, Loaded)
            if loaded == len(self._processes):
                break
        for process in self._processes:
            to = cast("IO[str]", process.stdin)
            to.write("go\n")
            to.flush()

    def reports(self, *, within_s: float) -> Iterator[Report]:
        """What they report, until the caller has seen enough.

        Raises:
            PeerFailedError: one of them ended.
            NothingHappenedError: the time is over.
        """
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            yield from self._pipe.read(within_s=min(1.0, max(0.0, deadline - time.monotonic())))
            ended = [process.pid for process in self._processes if process.poll() not in (None, -signal.SIGKILL)]
            if ended:
                raise PeerFailedError(f"worker {ended[0]} ended:\n{_last_words(self._log)}")
        raise NothingHappenedError(f"nothing more within {within_s:g} s:\n{_last_words(self._log)}")

    def await_ping(self) -> Pinged:
        """The next report of a job that was sent."""
        return next(report for report in self.reports(within_s=_PATIENCE_S) if isinstance(report, Pinged))

    def await_started(self, *, other_than: int = 0, within_s: float = _PATIENCE_S) -> Started:
        """The next report that a job was started, in another process than the one given."""
        for report in self.reports(within_s=within_s):
            if isinstance(report, Started) and report.process != other_than:
                return report
        raise AssertionError("reports() raises where it has no more")

    def counts(self, *, within_s: float) -> Iterator[Ran]:
        """The counts that they report."""
        return (report for report in self.reports(within_s=within_s) if isinstance(report, Ran))

    def kill(self, process: int) -> None:
        """Kills one process and its children, as a crash of its machine would."""
        _kill_group(next(each for each in self._processes if each.pid == process))


@contextmanager
def producer(of: Contestant, url: str, data: dict[str, Any]) -> Iterator[Producer]:
    """A producer that ends with the block.

    Args:
        of: the peer.
        url: Redis's address.
        data: the jobs' payload.
    """
    with _log_file() as log, log.open("w") as words:
        process = subprocess.Popen(
            [*of.command, url, "produce"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=words,
            text=True,
            cwd=ROOT,
            env={**os.environ, **of.environment},
            start_new_session=True,
        )
        try:
            yield Producer(process, data, log)
        finally:
            _kill_group(process)


@contextmanager
def workers(of: Contestant, url: str, count: int, kind: JobKind, *, concurrency: int = 1) -> Iterator[Workers]:
    """Worker processes that run one kind of job and end with the block; they begin at :meth:`Workers.go`.

    Args:
        of: the peer.
        url: Redis's address.
        count: how many.
        kind: what their jobs do.
        concurrency: how many jobs at once in each, where jobs wait for something.
    """
    pipe = ReportPipe()
    processes: list[subprocess.Popen[str]] = []
    with _log_file() as log, log.open("w") as words:
        try:
            for _ in range(count):
                options = ["--kind", kind, "--concurrency", str(concurrency), "--report-to", str(pipe.write_end)]
                processes.append(
                    subprocess.Popen(
                        [*of.command, url, "work", *options],
                        stdin=subprocess.PIPE,
                        stdout=words,
                        stderr=words,
                        text=True,
                        cwd=ROOT,
                        env={**os.environ, **of.environment},
                        pass_fds=[pipe.write_end],
                        start_new_session=True,
                    )
                )
            yield Workers(processes, pipe, log)
        finally:
            for process in processes:
                _kill_group(process)
            pipe.close()


def _kill_group(process: "subprocess.Popen[str]") -> None:
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream and not stream.closed:
            stream.close()


@contextmanager
def _log_file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "log"


def _last_words(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:]) or "it said nothing"
