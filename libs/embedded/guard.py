"""The process between a run and one of its servers: it stops the server when the run ends, however that ends.

Started by :mod:`libs.embedded.process` as a script of its own, so that it needs nothing but the standard library and
starts in milliseconds. The run holds the other end of this process's standard input, which the kernel closes
when the run exits, even after SIGKILL. That works on every POSIX system and does not depend on the thread that started
the server, as Linux's parent-death signal does. A forked child of the run may keep the pipe open, so the parent's
process id is watched as well. What it writes to standard output is one line when the server starts, ``started PID`` or
``failed REASON``, and ``exited STATUS`` when it has ended.

Should this process itself be killed, Linux kills the server with it (``PR_SET_PDEATHSIG``, prctl(2)); elsewhere the
server keeps the data folder's lock, so that no second server can damage the data.
"""

import argparse
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

PARENT_CHECK_S = 0.5
_STDIN, _STDERR = 0, 2
_PR_SET_PDEATHSIG = 1


def main(arguments: Sequence[str]) -> int:
    """Run the server given after ``--`` until it exits or the parent does."""
    options = _parse(arguments)
    os.set_blocking(wakeups := _wake_on_signals(), False)
    try:
        server = subprocess.Popen(  # noqa: S603 - the command is the parent's own
            options.command,
            stdin=subprocess.DEVNULL,
            stdout=_STDERR,
            pass_fds=options.keep_fd,
            preexec_fn=_die_with_me(),
        )
    except OSError as error:
        _tell(f"failed {error}")
        return 1
    _tell(f"started {server.pid}")
    parent_ended = _watch(server, options.parent, wakeups)
    status = _stop(server, options.grace_s) if parent_ended else server.wait()
    if parent_ended and options.discard:
        shutil.rmtree(options.discard, ignore_errors=True)
    _tell(f"exited {status}")
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parent", type=int, required=True, help="process id of the run")
    parser.add_argument("--grace-s", type=float, default=10.0, help="seconds between SIGTERM and SIGKILL")
    parser.add_argument("--keep-fd", type=int, action="append", default=[], help="descriptor that the server inherits")
    parser.add_argument("--discard", help="folder to delete once the server has been stopped")
    parser.add_argument("command", nargs="+")
    return parser.parse_args(arguments)


def _wake_on_signals() -> int:
    """Turn a child's exit and requests to stop into bytes on a pipe; the pipe's reading end is returned."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return reading


def _die_with_me() -> Callable[[], None] | None:
    """What the server's process runs before the server: on Linux, ask to be killed when this process dies."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    guard = os.getpid()

    def request() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:
            os._exit(1)

    return request


def _watch(server: "subprocess.Popen[bytes]", parent: int, wakeups: int) -> bool:
    """Wait until the parent has ended or wants the server stopped (true), or the server has ended (false)."""
    while server.poll() is None:
        readable, _, _ = select.select([_STDIN, wakeups], [], [], PARENT_CHECK_S)
        if _STDIN in readable and not os.read(_STDIN, 1):
            return True
        if wakeups in readable and {signal.SIGTERM, signal.SIGINT} & set(os.read(wakeups, 256)):
            return True
        if os.getppid() != parent:
            return True
    return False


def _stop(server: "subprocess.Popen[bytes]", grace_s: float) -> int:
    """Ask the server to shut down, paused or not; kill it if it has not after ``grace_s`` seconds."""
    server.terminate()
    server.send_signal(signal.SIGCONT)
    try:
        return server.wait(grace_s)
    except subprocess.TimeoutExpired:
        server.kill()
        return server.wait()


def _tell(line: str) -> None:
    with suppress(BrokenPipeError):
        print(line, flush=True)  # noqa: T201 - standard output is how this process speaks to its parent


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
