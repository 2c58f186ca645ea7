"""The image, built and run: small, shut in, one process that gets its signals, and nothing of other services.

It takes minutes and a container engine, so it runs when it is asked for: `pytest -m chaos tests/end_to_end/deploy`.
"""

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.common.credentials import new_credentials_key
from libs.embedded import ports
from tests.end_to_end.deploy.engine import Engine, EngineUnavailableError, find_engine
from tests.waiting import wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1500)]

ROOT = Path(__file__).resolve().parents[3]
MEGABYTE = 1_000_000
LARGEST = {"gateway": 140 * MEGABYTE, "availability": 160 * MEGABYTE}
"""What an image may add to its base."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    try:
        return find_engine(tmp_path_factory.mktemp("engine"))
    except EngineUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module", params=["gateway", "availability"])
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def image(engine: Engine, service: str) -> str:
    return engine.build(ROOT, service=service)


@pytest.fixture
def running(engine: Engine, image: str, service: str, redis_url: str, mongo_uri: str) -> Iterator[tuple[str, int]]:
    port = ports.choose()
    arguments = [] if service == "gateway" else ["--queue", "bulk-availability"]
    container = engine.start(
        image,
        *arguments,
        REDIS_URL=redis_url,
        MONGODB_URI=mongo_uri,
        SERVICE_TOKEN="service-token-for-tests",
        ADMIN_TOKEN="admin-token-for-tests",
        CREDENTIALS_KEY=new_credentials_key(),
        **{"PORT" if service == "gateway" else "INTERNAL_PORT": str(port)},
    )
    try:
        wait_until(lambda: _answers(port, "/healthz"), deadline_s=60, message=f"{service} answers")
    except AssertionError as error:
        raise AssertionError(engine.logs(container)) from error
    yield container, port
    engine.stop(container, grace_s=30)


def test_it_serves_and_its_health_check_says_so(engine: Engine, running: tuple[str, int]) -> None:
    container, _port = running
    assert engine.inside(container, "python", "/opt/tuco/health.py").returncode == 0
    # In an environment that leads nowhere it says no.
    wrong = engine.inside(container, "env", "PORT=1", "INTERNAL_PORT=1", "python", "/opt/tuco/health.py")
    assert wrong.returncode == 1


def test_it_is_one_process_that_is_not_root_on_a_root_that_cannot_be_written(
    engine: Engine, running: tuple[str, int]
) -> None:
    container, _port = running
    program = (
        "import os, pathlib\n"
        "print(os.getuid(), pathlib.Path('/proc/1/cmdline').read_bytes().split(b'\\0')[0].decode())\n"
        "for path in ('/opt/tuco/x', '/x', '/etc/x', '/home/x'):\n"
        "    try:\n"
        "        open(path, 'w')\n"
        "        print('wrote', path)\n"
        "    except OSError:\n"
        "        pass\n"
    )
    answer = engine.inside(container, "python", "-c", program)
    assert answer.stdout.split() == ["10001", "python"]


def test_sigterm_reaches_it_and_it_ends_in_order(engine: Engine, running: tuple[str, int], service: str) -> None:
    container, port = running
    assert engine.stop(container, grace_s=30) == 0
    assert not _answers(port, "/healthz")
    expected = "worker.stopped" if service == "availability" else "Shutting down"
    assert expected in engine.logs(container)


def test_only_its_own_service_and_its_own_packages_are_inside(engine: Engine, image: str, service: str) -> None:
    foreign = {"gateway": "hubspot", "availability": "flask"}[service]
    program = (
        "import importlib.util, os\n"
        f"print(sorted(n for n in os.listdir('/opt/tuco/services') if not n.startswith('_')))\n"
        f"print(importlib.util.find_spec({foreign!r}), os.listdir('/opt/tuco/libs'))\n"
        "print(importlib.util.find_spec('pip') is None or 'venv' not in importlib.util.find_spec('pip').origin)\n"
    )
    answer = engine.python(image, program)
    assert answer.returncode == 0, answer.stderr
    services, modules, pip = answer.stdout.splitlines()
    assert services == f"['{service}']"
    assert modules.startswith("None ")
    assert "cli" not in modules
    assert "simulators" not in modules
    assert pip == "True"


def test_it_is_small(engine: Engine, image: str, service: str) -> None:
    added = engine.size(image) - engine.size(engine.base)
    assert added < LARGEST[service], f"{added / MEGABYTE:.0f} MB"


def test_it_says_how_to_check_it_and_runs_without_root(engine: Engine, image: str) -> None:
    facts = engine.facts(image)
    assert facts["User"] == "10001:10001"
    assert facts["Config"]["Entrypoint"] == ["python", "/opt/tuco/start.py"]
    assert facts["Config"]["StopSignal"] == "SIGTERM"
    assert "health.py" in str(facts["Healthcheck"])


def _answers(port: int, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return int(answer.status) == 200
    except OSError:
        return False
