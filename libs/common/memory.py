"""Keeps a process's memory together.

glibc gives each new thread an arena of its own, and what is free in one is of no use to the others. A worker that reads
large payloads in its threads would grow by a third, and stay there.
"""

import ctypes
import os
from typing import Final

_M_ARENA_MAX: Final = -8
"""From glibc's ``malloc.h``; https://man7.org/linux/man-pages/man3/mallopt.3.html."""
_ARENAS: Final = 2


def keep_memory_together() -> None:
    """Lets all threads share two arenas, unless ``MALLOC_ARENA_MAX`` says otherwise; to be called before they start.

    Other C libraries than glibc have no arenas, and are left as they are.
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
