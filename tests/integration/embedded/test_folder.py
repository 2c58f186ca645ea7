"""A data folder belongs to one run at a time."""

import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from libs.embedded import DataFolderBusyError, EmbeddedServerError
from libs.embedded.folder import DataFolder
from tests.integration.embedded.processes import next_line, python

HOLDER = """
import sys, time, pathlib
from libs.embedded.folder import DataFolder
folder = DataFolder(pathlib.Path(sys.argv[1]), log_name="server.log")
folder.lock()
folder.note_server(4321)
print("locked", flush=True)
sys.stdin.read()
"""

HEIR_OF_THE_LOCK = """
import os, sys, time, pathlib
from libs.embedded.folder import DataFolder
folder = DataFolder(pathlib.Path(sys.argv[1]), log_name="server.log")
descriptor = folder.lock()
if pid := os.fork():
    folder.note_server(pid)
    print(pid, flush=True)
    os._exit(0)
os.close(1)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[DataFolder]:
    folder = DataFolder(tmp_path / "data", log_name="server.log")
    yield folder
    folder.unlock()


def test_a_second_use_is_refused_at_once_and_told_who_holds_the_folder(folder: DataFolder) -> None:
    with python(HOLDER, folder.path) as holder:
        next_line(holder)
        with pytest.raises(DataFolderBusyError, match=f"{folder.path} is in use by process {holder.pid}") as caught:
            folder.lock(patience=timedelta(hours=1))
        assert caught.value.owner == holder.pid


def test_two_uses_in_one_process_are_refused_too(folder: DataFolder) -> None:
    folder.lock()
    with pytest.raises(DataFolderBusyError, match=f"process {os.getpid()}"):
        DataFolder(folder.path, log_name="server.log").lock()


def test_the_folder_of_a_killed_run_is_free(folder: DataFolder) -> None:
    with python(HOLDER, folder.path) as holder:
        next_line(holder)
        holder.kill()
        holder.wait()
        folder.lock(patience=timedelta(0))


def test_a_server_that_outlives_its_run_keeps_the_folder_until_it_ends(folder: DataFolder) -> None:
    with python(HEIR_OF_THE_LOCK, folder.path) as run:
        server = int(next_line(run))
        run.wait()
        with pytest.raises(DataFolderBusyError, match=f"Stop it with: kill {server}$") as caught:
            folder.lock(patience=timedelta(seconds=0.1))
        assert (caught.value.owner, caught.value.server) == (None, server)
        assert run.stdin is not None
        run.stdin.close()
        folder.lock(patience=timedelta(seconds=10))


def test_what_still_runs_on_a_folder_that_was_given_up_is_awaited_not_taken_for_another_run(folder: DataFolder) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[folder.lock()]) as remnant:
        folder.unlock()
        with pytest.raises(DataFolderBusyError, match="another process") as caught:
            folder.lock(patience=timedelta(seconds=0.1))
        assert caught.value.owner is None
        remnant.communicate()
        folder.lock(patience=timedelta(seconds=10))


def test_a_folder_that_was_given_up_can_be_used_again(folder: DataFolder) -> None:
    for _ in range(2):
        folder.lock()
        assert folder.locked
        folder.release()
        assert not folder.locked
    assert folder.path.is_dir()


def test_a_place_that_cannot_be_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedServerError, match="file/data cannot be a data folder: Not a directory"):
        DataFolder(tmp_path / "file" / "data", log_name="server.log").lock()


def test_a_temporary_folder_is_private_and_deleted_at_the_end() -> None:
    folder = DataFolder(None, log_name="server.log")
    folder.lock()
    assert folder.path.stat().st_mode & 0o077 == 0
    folder.release()
    assert not folder.path.exists()


def test_the_port_is_remembered(folder: DataFolder) -> None:
    folder.lock()
    assert folder.known_port() is None
    folder.remember_port(12_345)
    assert DataFolder(folder.path, log_name="server.log").known_port() == 12_345


def test_a_spoilt_port_counts_as_none(folder: DataFolder) -> None:
    folder.lock()
    (folder.path / "port").write_text("")
    assert folder.known_port() is None


def test_the_log_of_the_last_start_is_kept_and_its_end_can_be_read(folder: DataFolder) -> None:
    folder.lock()
    assert folder.last_log_lines(2) == []
    folder.log.write_text("first\nsecond\nthird\n")
    assert folder.last_log_lines(2) == ["second", "third"]
    folder.rotate_log()
    assert folder.last_log_lines(2) == []
    assert (folder.path / "server.previous.log").read_text() == "first\nsecond\nthird\n"


def test_the_lock_is_not_inherited_by_programs_that_are_started_meanwhile(folder: DataFolder) -> None:
    folder.lock()
    with subprocess.Popen(["sleep", "600"], close_fds=False) as other:
        try:
            folder.unlock()
            folder.lock(patience=timedelta(0))
        finally:
            other.kill()
