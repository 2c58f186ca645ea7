"""What the image definition promises, read from it; tests/end_to_end/deploy builds and runs it."""

import re
import runpy
import tomllib
import urllib.request
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from deploy.workloads import GATEWAY, HTTP_PORT, INTERNAL_PORT, WORKLOADS
from tests.unit.deploy.rules import ROOT

IMAGE = ROOT / "deploy" / "image"


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, continued lines joined."""
    text = re.sub(r"\\\n\s*", " ", (IMAGE / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines)]


def final_stage() -> list[tuple[str, str]]:
    """What follows the last FROM."""
    found = instructions()
    last = max(index for index, (name, _) in enumerate(found) if name == "FROM")
    return found[last:]


def value(name: str) -> str:
    [found] = [rest for instruction, rest in final_stage() if instruction == name]
    return found


def test_it_runs_as_a_user_that_is_seen_not_to_be_root() -> None:
    user, _, group = value("USER").partition(":")
    assert int(user) > 0
    assert int(group) > 0


def test_python_itself_is_process_1() -> None:
    assert value("ENTRYPOINT") == '["python", "/opt/tuco/start.py"]'
    assert value("STOPSIGNAL") == "SIGTERM"


def test_its_health_is_checked_without_a_shell() -> None:
    assert value("HEALTHCHECK").endswith('CMD ["python", "/opt/tuco/health.py"]')


@pytest.mark.parametrize(
    ("service", "command", "port"),
    [
        ("gateway", ("start.py",), "3001"),
        ("gateway", ("start.py", "--queue", "operations"), "3010"),
        ("sync", ("start.py", "--queue", "integration-sync"), "3010"),
    ],
)
def test_the_health_check_asks_at_the_port_of_what_runs(
    service: str, command: tuple[str, ...], port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Opener:
        def open(self, url: str, timeout: float) -> AbstractContextManager[None]:
            asked.append(url)
            return nullcontext()

    process = tmp_path / "cmdline"
    process.write_bytes(b"\0".join(word.encode() for word in ("python", *command, "")))
    health = runpy.run_path(str(IMAGE / "health.py"))
    monkeypatch.setitem(health["main"].__globals__, "_PROCESS", process)
    monkeypatch.setattr(urllib.request, "build_opener", lambda *_handlers: Opener())
    for name, value in (("SERVICE", service), ("PORT", "3001"), ("INTERNAL_PORT", "3010")):
        monkeypatch.setenv(name, value)
    assert health["main"]() == 0
    assert asked == [f"http://127.0.0.1:{port}/healthz"]


def test_the_final_stage_installs_nothing() -> None:
    assert "RUN" not in {name for name, _ in final_stage()}


def test_nothing_comes_from_the_network_but_the_locked_packages() -> None:
    text = (IMAGE / "Dockerfile").read_text()
    assert "ADD" not in {name for name, _ in instructions()}
    assert "curl" not in text
    assert "--verify-hashes" in text
    assert "--require-hashes" in text
    assert "--constraint requirements.lock" in text


def test_the_build_sees_what_it_copies_and_no_more() -> None:
    seen = [
        line.removeprefix("!")
        for line in (IMAGE / "Dockerfile.dockerignore").read_text().splitlines()
        if line[:1] == "!"
    ]
    copied = [
        source
        for name, rest in instructions()
        if name == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    assert {source.replace("/${SERVICE}", "").replace("/__init__.py", "") for source in copied} == {
        name.replace("/__init__.py", "") for name in seen
    }
    assert (IMAGE / "Dockerfile.dockerignore").read_text().splitlines()[1] == "*"


def test_the_lock_holds_the_installer_and_what_each_service_asks_for() -> None:
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "uv" in locked
    for service in {workload.service for workload in WORKLOADS}:
        for requirement in [*project["dependencies"], *project["optional-dependencies"][service]]:
            name = re.split(r"[\[<>=;~ ]", requirement)[0].lower().replace("_", "-").replace(".", "-")
            assert name in locked, f"{service} asks for {requirement}"


def test_ports_are_those_of_the_table() -> None:
    environment = value("ENV")
    assert f"PORT={HTTP_PORT}" in environment.split()
    assert f"INTERNAL_PORT={INTERNAL_PORT}" in environment.split()
    assert {workload.port for workload in WORKLOADS if workload is not GATEWAY} == {INTERNAL_PORT}
