"""Threads share arenas, which is asked of glibc itself."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

# What many threads allocate, and how many arenas there are then: malloc_info(3) tells one element for each.
_PROGRAM = """
import ctypes, sys, threading
from libs.common.memory import keep_memory_together
if sys.argv[1] == "together":
    keep_memory_together()
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
everyone = threading.Barrier(8)
def allocate():
    everyone.wait()
    libc.malloc(100_000)
    everyone.wait()
threads = [threading.Thread(target=allocate) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
file = ctypes.c_void_p(libc.fopen(sys.argv[2].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""

pytestmark = pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="this C library is not glibc")


def arenas_of(how: str, folder: Path, **environ: str) -> int:
    told = folder / f"{how}.xml"
    given = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    subprocess.run([sys.executable, "-c", _PROGRAM, how, str(told)], env={**given, **environ}, check=True, timeout=30)
    return told.read_text().count("<heap nr=")


def test_threads_share_two_arenas(tmp_path: Path) -> None:
    assert arenas_of("apart", tmp_path) > 2
    assert arenas_of("together", tmp_path) <= 2


def test_who_has_chosen_a_number_gets_it(tmp_path: Path) -> None:
    assert arenas_of("together", tmp_path, MALLOC_ARENA_MAX="5") > 2
