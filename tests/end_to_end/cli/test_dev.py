"""The whole system on one machine: it comes up, heals, and leaves nothing behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from libs.embedded import ports
from tests.end_to_end.cli.family import Family, new_family
from tests.end_to_end.cli.program import clean_environ, command, run
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds processes through /proc")

START_S = 60.0


class Dev:
    """A running `tuco-jobs dev`."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.port = ports.choose()
        self.family: Family = new_family()
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            command("dev", "--port", str(self.port), *arguments),
            cwd=folder,
            env=clean_environ(**self.family.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(iter(self.process.stdout.readline, ""))

    def said(self, text: str) -> bool:
        return any(text in line for line in self.lines)

    def await_line(self, text: str, *, deadline_s: float = START_S) -> None:
        wait_until(
            lambda: self.said(text) or self.process.poll() is not None, deadline_s=deadline_s, message=f"{text!r}"
        )
        assert self.said(text), "".join(self.lines)

    def service(self, *words: str) -> int:
        """The process id of a service, not of the guard before it."""
        members = self.family.members(*words)
        (pid,) = [pid for pid, line in members.items() if "guard" not in line]
        return pid

    def end(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        self.process.wait(30)
        self._reader.join(10)

    def await_nothing_left(self) -> None:
        wait_until(lambda: not self.family.members(), deadline_s=30, message="nothing is left running")


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Dev]:
    running = Dev(tmp_path, "--lines", "2")
    yield running
    with suppress(ProcessLookupError):
        running.process.kill()
    running.process.wait()
    running.await_nothing_left()


def test_the_system_comes_up_serves_a_second_terminal_heals_and_stops(dev: Dev) -> None:
    dev.await_line("everything is up")

    health = run("health", "--json", folder=dev.folder)
    assert health.returncode == 0, health.stderr
    assert {"gateway", "redis", "mongodb", "availability"} <= set(json.loads(health.stdout)["parts"])
    lines = json.loads(run("line", "list", "--json", folder=dev.folder).stdout)["lines"]
    assert [line["name"] for line in lines] == ["Simulator 1", "Simulator 2"]
    assert run("init", folder=dev.folder).returncode == 0

    leads = dev.folder / "leads.csv"
    leads.write_text("phone\n" + "".join(f"+1212555{number:04}\n" for number in range(30)))
    assert run("leads", "import", str(leads), "--workspace", "demo", folder=dev.folder).returncode == 0
    checked = run("availability", "check", "--all", "--workspace", "demo", "--follow", "--json", folder=dev.folder)
    assert checked.returncode == 0, checked.stderr
    assert json.loads(checked.stdout)["result"]["checked"] == 30

    victim = dev.service("services.availability", "bulk-availability")
    os.kill(victim, signal.SIGKILL)
    dev.await_line("availability has ended by SIGKILL")
    dev.await_line("availability runs again")
    wait_until(
        lambda: run("health", folder=dev.folder).returncode == 0, deadline_s=30, message="healthy again", interval_s=0.3
    )

    dev.end(signal.SIGINT)
    assert dev.process.returncode == 0, "".join(dev.lines)
    assert dev.said("nothing is left running")
    assert dev.family.members() == {}
    assert not (dev.folder / ".tuco" / "dev.env").exists()


def test_nothing_is_left_when_it_is_killed_and_the_next_one_finds_the_data(dev: Dev) -> None:
    dev.await_line("everything is up")
    before = json.loads(run("line", "list", "--json", folder=dev.folder).stdout)["lines"]

    dev.end(signal.SIGKILL)
    dev.await_nothing_left()

    again = Dev(dev.folder, "--lines", "2")
    try:
        again.await_line("everything is up")
        after = json.loads(run("line", "list", "--json", folder=dev.folder).stdout)["lines"]
        assert [line["id"] for line in after] == [line["id"] for line in before]
        assert {line["status"] for line in after} == {"active"}
    finally:
        again.end(signal.SIGTERM)
    assert again.process.returncode == 0
    again.await_nothing_left()


def test_a_second_one_in_the_same_folder_is_refused_and_the_first_goes_on(dev: Dev) -> None:
    dev.await_line("everything is up")

    same_port = run("dev", "--port", str(dev.port), folder=dev.folder)
    same_folder = run("dev", "--port", str(ports.choose()), folder=dev.folder)

    assert same_port.returncode == 2
    assert f"Port {dev.port} is taken" in same_port.stderr
    assert "--port" in same_port.stderr
    assert same_folder.returncode == 1
    assert "is in use by process" in same_folder.stderr
    assert run("health", folder=dev.folder).returncode == 0


def test_a_taken_port_is_said_before_anything_is_started(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("dev", "--port", str(port), folder=tmp_path)

    assert done.returncode == 2
    assert f"Port {port} is taken" in done.stderr


def test_a_wrong_setting_in_the_environment_is_named(tmp_path: Path) -> None:
    done = run("dev", "--port", str(ports.choose()), folder=tmp_path, environ={"CREDENTIALS_KEY": "short"})

    assert done.returncode == 2
    assert "CREDENTIALS_KEY is wrong" in done.stderr
