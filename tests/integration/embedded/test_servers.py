"""What Redis and MongoDB have in common as embedded servers."""

import os
import signal
import socket
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from libs.embedded import DataFolderBusyError, EmbeddedServer, EmbeddedServerError, StartFailedError
from libs.embedded import ports as ports_module
from tests.integration.embedded.processes import is_running
from tests.integration.embedded.stores import Store, for_each_store
from tests.waiting import wait_until


def _parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _program(folder: Path, script: str) -> Path:
    """A program that behaves as ``script`` says, in place of a server."""
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@for_each_store
def test_a_server_serves_when_it_has_started_and_is_gone_with_its_data_when_stopped(store: Store) -> None:
    with store.make() as server:
        store.write(server, "hello")
        assert store.read(server) == "hello"
        pid, folder = server.pid, server.data_dir
    assert not server.running
    assert not is_running(pid)
    assert not folder.exists()


@for_each_store
def test_a_second_start_on_the_folder_finds_the_data_and_keeps_the_port(store: Store, tmp_path: Path) -> None:
    with store.make(tmp_path) as server:
        store.write(server, "hello")
        port = server.port
    with store.make(tmp_path) as server:
        assert store.read(server) == "hello"
        assert server.port == port


@for_each_store
def test_a_second_start_finds_the_data_where_another_has_taken_the_port(store: Store, tmp_path: Path) -> None:
    with store.make(tmp_path) as server:
        store.write(server, "hello")
        port = server.port
    with store.make(port=port), store.make(tmp_path) as server:
        assert server.port != port
        assert store.read(server) == "hello"
        store.write(server, "hello again")


@for_each_store
@pytest.mark.parametrize("fixed", [False, True], ids=["any port", "its port"])
def test_a_stopped_server_can_be_started_again(store: Store, fixed: bool) -> None:
    server = store.make(port=ports_module.choose() if fixed else None)
    for _ in range(2):
        with server:
            assert store.read(server) is None
            store.write(server, "hello")


@for_each_store
def test_a_killed_server_comes_back_on_the_same_port_and_data(store: Store) -> None:
    with store.make() as server:
        store.write(server, "hello")
        port, pid = server.port, server.pid
        server.kill()
        assert not is_running(pid)
        assert not server.running
        assert not store.answers(server)
        server.start()
        assert server.port == port
        assert server.pid != pid
        assert store.read(server) == "hello"


@for_each_store
def test_a_killed_server_does_not_move_to_another_port(store: Store) -> None:
    with store.make() as server:
        server.kill()
        with (
            socket.create_server((ports_module.HOST, server.port)),
            pytest.raises(StartFailedError, match=f"port {server.port} is in use"),
        ):
            server.start()


@for_each_store
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a server outlives its killed guard")
def test_a_server_whose_guard_was_killed_can_be_started_again(store: Store, tmp_path: Path) -> None:
    with store.make(tmp_path) as server:
        store.write(server, "hello")
        port, pid = server.port, server.pid
        os.kill(_parent_of(pid), signal.SIGKILL)
        wait_until(lambda: not server.running, message="the server is known to be down")
        server.start()
        assert not is_running(pid)
        assert server.port == port
        assert store.read(server) == "hello"


@for_each_store
def test_a_paused_server_is_silent_until_it_is_resumed(store: Store) -> None:
    with store.make() as server:
        server.pause()
        wait_until(lambda: not store.answers(server), message="the server is silent")
        assert server.running
        server.resume()
        wait_until(lambda: store.answers(server), message="the server answers again")


@for_each_store
def test_a_paused_server_can_be_stopped(store: Store, tmp_path: Path) -> None:
    with store.make(tmp_path) as server:
        pid = server.pid
        server.pause()
    assert not is_running(pid)


@for_each_store
def test_starting_and_stopping_twice_changes_nothing(store: Store) -> None:
    with store.make() as server:
        pid = server.pid
        assert server.start().pid == pid
        server.stop()
        server.stop()


@for_each_store
def test_two_servers_on_one_folder_at_once_are_refused(store: Store, tmp_path: Path) -> None:
    with store.make(tmp_path) as server:
        with pytest.raises(DataFolderBusyError, match="is in use by process"):
            store.make(tmp_path).start()
        assert store.answers(server)


@for_each_store
def test_several_servers_run_side_by_side(store: Store) -> None:
    with store.make() as one, store.make() as other:
        store.write(one, "one")
        assert one.port != other.port
        assert store.read(other) is None


@for_each_store
def test_the_asked_port_is_used_or_the_start_fails(store: Store) -> None:
    port = ports_module.choose()
    with store.make(port=port) as server:
        assert server.port == port
        with pytest.raises(StartFailedError, match=f"{store.name} did not start: port {port} is in use"):
            store.make(port=port).start()


@for_each_store
def test_another_port_is_tried_when_one_is_taken_during_the_start(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind((ports_module.HOST, 0))
        stolen = taken.getsockname()[1]
        seems_free = [stolen]
        is_free = ports_module.is_free
        free = ports_module.choose()
        monkeypatch.setattr(ports_module, "choose", lambda *_: seems_free[0] if seems_free else free)
        monkeypatch.setattr(
            ports_module, "is_free", lambda port: (port in seems_free and bool(seems_free.pop())) or is_free(port)
        )
        with store.make() as server:
            assert server.port == free
            assert store.answers(server)


@for_each_store
def test_a_failed_start_tells_the_end_of_the_log_and_leaves_nothing(store: Store, tmp_path: Path) -> None:
    program = _program(tmp_path, "echo opening; echo the disk is broken >&2; exit 3")
    server = store.make(binary=program)
    with pytest.raises(StartFailedError) as caught:
        server.start()
    assert str(caught.value) == (
        f"{store.name} did not start: it ended with status 3.\nThe end of its log:\nopening\nthe disk is broken"
    )
    assert not server.running
    assert not server.data_dir.exists()


@for_each_store
def test_a_server_that_never_becomes_ready_is_stopped_at_the_deadline(store: Store, tmp_path: Path) -> None:
    program = _program(tmp_path, f"echo $$ > {tmp_path}/pid; echo still loading; exec sleep 600")
    server = store.make(binary=program, start_deadline=timedelta(seconds=0.3))
    with pytest.raises(StartFailedError, match=r"not ready within 0\.3 seconds(.|\n)*still loading"):
        server.start()
    assert not is_running(int((tmp_path / "pid").read_text()))


@for_each_store
def test_a_stranger_on_the_port_is_not_taken_for_the_server(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.make() as stranger:
        silent = _program(tmp_path, "exec sleep 600")
        server = store.make(port=stranger.port, binary=silent, start_deadline=timedelta(seconds=0.5))
        monkeypatch.setattr(ports_module, "is_free", lambda _port: True)  # as if the stranger came a moment later
        with pytest.raises(StartFailedError, match="not ready"):
            server.start()
        assert store.answers(stranger)


@for_each_store
@pytest.mark.parametrize(
    "script", ["echo error while loading shared libraries: libssl.so.3; exit 127", "kill -ILL $$", "echo GLIBC; exit 1"]
)
def test_a_program_that_this_machine_cannot_run_comes_with_a_way_out(store: Store, script: str, tmp_path: Path) -> None:
    server = store.make(binary=_program(tmp_path, script))
    with pytest.raises(StartFailedError) as caught:
        server.start()
    assert server.program.needs in str(caught.value)
    assert f"{server.program.variable}=" in str(caught.value)


@for_each_store
def test_a_program_of_another_kind_of_machine_comes_with_a_way_out(store: Store, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF of a machine that nobody has")
    program.chmod(0o755)
    with pytest.raises(StartFailedError, match=r"Exec format error(.|\n)*is on the PATH"):
        store.make(binary=program).start()


@for_each_store
def test_what_needs_a_running_server_says_so_where_none_runs(store: Store) -> None:
    server = store.make()
    for use in (lambda: server.pid, server.kill, server.pause, server.resume):
        with pytest.raises(EmbeddedServerError, match=f"{store.name} does not run"):
            use()
    with pytest.raises(EmbeddedServerError, match="has no port yet"):
        _ = server.port
    server.stop()
    assert not server.data_dir.exists()


def test_a_server_is_not_in_the_terminals_group_so_that_ctrl_c_does_not_stop_it_first() -> None:
    for store in for_each_store.args[1]:
        with store.make() as server:
            assert isinstance(server, EmbeddedServer)
            assert os.getsid(server.pid) != os.getsid(0)
