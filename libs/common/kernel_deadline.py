"""A moment after which this process does nothing more: a timer of the kernel's that ends it (SIGKILL).

A process can be stopped between any two of its instructions (SIGSTOP, a frozen container) and go on minutes later, so
whatever it checks itself may be long out of date when it acts. The kernel's timers go on meanwhile, and SIGKILL needs
no instruction of the process: one that is still inside the block when the time is up never gets to its next one.

    with dead_by(moment):
        socket.send(request)  # leaves before ``moment``, or never

It is for a few instructions that must not happen late, not for slow work. Where there are no such timers (they are
Linux's), the block runs without: :func:`is_enforced` says so.
"""

import ctypes
import functools
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_CLOCK: Final[int] = getattr(time, "CLOCK_BOOTTIME", -1)
"""Goes on while the process is stopped and while the machine is suspended."""
_SIGEV_SIGNAL: Final = 0
_TIMER_ABSTIME: Final = 1
_NS: Final = 1_000_000_000


class _SigEvent(ctypes.Structure):
    """``struct sigevent``, 64 bytes: https://man7.org/linux/man-pages/man3/sigevent.3type.html"""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signo", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("rest", ctypes.c_char * 48),
    )


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _TimerSpec(ctypes.Structure):
    _fields_ = (("interval", _TimeSpec), ("value", _TimeSpec))


class _Timer:
    """One timer of this process; a child made by ``fork`` does not have it.

    See https://man7.org/linux/man-pages/man2/timer_create.2.html; raises ``OSError`` or ``AttributeError`` where there
    are none.
    """

    def __init__(self) -> None:
        # PyDLL keeps the interpreter's lock, so that setting the timer invites no other thread in between.
        self._libc = ctypes.PyDLL(None, use_errno=True)
        self._id = ctypes.c_void_p()
        event = _SigEvent(signo=signal.SIGKILL, notify=_SIGEV_SIGNAL)
        self._call(self._libc.timer_create, _CLOCK, ctypes.byref(event), ctypes.byref(self._id))

    def set(self, moment: float) -> None:
        """Lets it go off at a moment; 0 for never."""
        seconds, nanoseconds = divmod(round(moment * _NS), _NS)
        spec = _TimerSpec(value=_TimeSpec(seconds, nanoseconds))
        self._call(self._libc.timer_settime, self._id, _TIMER_ABSTIME, ctypes.byref(spec), None)

    def _call(self, function: "ctypes._NamedFuncPointer", *arguments: object) -> None:
        if function(*arguments) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


_one_at_a_time = threading.Lock()


@contextmanager
def dead_by(moment: float) -> Iterator[None]:
    """Ends this process if it is still inside the block at ``moment``.

    Args:
        moment: as :func:`uptime` tells it.
    """
    timer = _timer_of(os.getpid())
    if timer is None:
        yield
        return
    with _one_at_a_time:
        timer.set(moment)
        try:
            yield
        finally:
            timer.set(0.0)


def uptime() -> float:
    """Seconds on the clock that counts for :func:`dead_by`; without such a clock, on the monotonic one."""
    return time.monotonic() if _CLOCK < 0 else time.clock_gettime(_CLOCK)


def is_enforced() -> bool:
    """Whether this machine has such timers."""
    return _timer_of(os.getpid()) is not None


@functools.cache
def _timer_of(_pid: int) -> _Timer | None:
    try:
        return _Timer()
    except (OSError, AttributeError, TypeError):
        return None
