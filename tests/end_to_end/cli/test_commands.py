"""What commands print and with which status they end, for people and for scripts."""

import json
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from libs.cli.state_folder import StateFolder
from tests.end_to_end.cli.program import clean_environ, command, run, run_inside
from tests.end_to_end.cli.stub_gateway import StubGateway, stub_gateway
from tests.waiting import wait_until

Completed = subprocess.CompletedProcess[str]

QUEUED = {"jobId": "j1", "queue": "bulk-availability", "status": "waiting"}


def a_job(state: str, **more: Any) -> dict[str, Any]:
    return {
        "jobId": "j1",
        "jobType": "bulk-availability-check",
        "queue": "bulk-availability",
        "state": state,
        "status": "accepted",
        "workspaceId": "w1",
        "createdAt": "2026-01-01T00:00:00Z",
        **more,
    }


@pytest.fixture
def stub() -> Iterator[StubGateway]:
    with stub_gateway() as running:
        yield running


@pytest.fixture
def tuco(stub: StubGateway, tmp_path: Path) -> Callable[..., Completed]:
    """Runs a command against the stub."""

    def call(*arguments: str, stdin: str = "", **environ: str) -> Completed:
        variables = {"BULLMQ_SERVER_URL": stub.url, "SERVICE_TOKEN": "st", "ADMIN_TOKEN": "at", **environ}
        return run_inside(*arguments, folder=tmp_path, environ=variables, stdin=stdin)

    return call


def test_stats_are_shown_to_people_and_programs(tuco: Callable[..., Completed], stub: StubGateway) -> None:
    queue = {"queue": "q1", "counts": {"waiting": 1234, "active": 2}, "paused": True, "oldestWaitingSeconds": 7.25}
    stub.answer("GET", "/stats", {"queues": [queue], "totals": {}})
    people, programs = tuco("stats"), tuco("stats", "--json")

    assert people.returncode == programs.returncode == 0
    assert "q1 (paused)" in people.stdout
    assert "1,234" in people.stdout
    assert json.loads(programs.stdout)["queues"] == [queue]
    assert {asked.token for asked in stub.asked} == {"st"}


def test_init_uses_the_admin_token(tuco: Callable[..., Completed], stub: StubGateway) -> None:
    created = {"collections": [], "indexes": [], "schedules": ["health-check"]}
    stub.answer("POST", "/initialize", {"status": "created", "created": created})
    done = tuco("init")

    assert done.returncode == 0
    assert "health-check" in done.stdout
    assert stub.asked[0].token == "at"


@pytest.mark.parametrize(("status", "code", "word"), [(200, 0, "healthy"), (503, 1, "unhealthy")])
def test_health_is_said_by_the_exit_status_too(
    tuco: Callable[..., Completed], stub: StubGateway, status: int, code: int, word: str
) -> None:
    parts = {"redis": {"status": "up"}, "mongodb": {"status": "down", "reason": "no primary"}}
    stub.answer("GET", "/health", {"status": "x", "parts": parts}, status=status)
    done = tuco("health")

    assert done.returncode == code
    assert done.stdout.splitlines()[0] == word
    assert "no primary" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("stats",),
        ("health",),
        ("init",),
        ("job", "j1"),
        ("job", "j1", "--follow"),
        ("enqueue", "t", "--data", "{}"),
        ("availability", "check", "0" * 24, "--workspace", "w1"),
    ],
    ids=" ".join,
)
def test_a_gateway_that_does_not_run_is_said_with_what_to_do(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        done = run_inside(*arguments, folder=tmp_path, environ={"BULLMQ_SERVER_URL": url})

    assert done.returncode == 3
    assert f"Nothing answers at {url}" in done.stderr
    assert "make dev" in done.stderr
    assert "BULLMQ_SERVER_URL" in done.stderr


def test_the_program_ends_with_one_sentence_and_its_status(tmp_path: Path) -> None:
    done = run("stats", folder=tmp_path, environ={"BULLMQ_SERVER_URL": "http://127.0.0.1:1"})

    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.startswith("error: Nothing answers at http://127.0.0.1:1")


def test_a_refused_token_says_where_it_came_from(tuco: Callable[..., Completed], stub: StubGateway) -> None:
    stub.refuse("GET", "/stats", 401, "A token is required.")
    done = tuco("stats", SERVICE_TOKEN="")

    assert done.returncode == 2
    assert "SERVICE_TOKEN (not set)" in done.stderr


def test_a_job_is_enqueued_from_the_command_line_a_file_or_standard_input(
    tuco: Callable[..., Completed], stub: StubGateway, tmp_path: Path
) -> None:
    stub.answer("POST", "/jobs", QUEUED, status=202)
    (tmp_path / "data.json").write_text('{"a": 2}')
    done = [
        tuco("enqueue", "t", "--data", '{"a": 1}', "--priority", "3", "--delay-ms", "50"),
        tuco("enqueue", "t", "--data", "@data.json"),
        tuco("enqueue", "t", "--data", "-", stdin='{"a": 3}'),
    ]

    assert [each.returncode for each in done] == [0, 0, 0]
    assert "j1" in done[0].stdout
    assert [asked.body for asked in stub.asked] == [
        {"jobType": "t", "data": {"a": 1}, "options": {"priority": 3, "delayMs": 50}},
        {"jobType": "t", "data": {"a": 2}},
        {"jobType": "t", "data": {"a": 3}},
    ]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("{nope", "--data is not JSON"),
        ("[1]", "should be a JSON object"),
        ("@missing.json", "missing.json cannot be read: No such file"),
        ("@.", "cannot be read: Is a directory"),
        ("-", "standard input is not JSON"),
    ],
)
def test_data_that_cannot_be_used_are_said(tuco: Callable[..., Completed], data: str, problem: str) -> None:
    done = tuco("enqueue", "t", "--data", data)

    assert done.returncode == 2
    assert problem in done.stderr


def test_a_payload_that_the_gateway_refuses_names_the_field(tuco: Callable[..., Completed], stub: StubGateway) -> None:
    stub.refuse("POST", "/jobs", 422, "data.leadIds: is required")
    done = tuco("enqueue", "bulk-availability-check", "--data", "{}")

    assert done.returncode == 2
    assert "data.leadIds: is required" in done.stderr


def test_a_job_is_followed_to_its_end(tuco: Callable[..., Completed], stub: StubGateway) -> None:
    stub.answer("POST", "/jobs", QUEUED, status=202)
    stub.answer(
        "GET",
        "/jobs/j1",
        a_job("waiting"),
        a_job("waiting-children", progress={"total": 20, "checked": 10, "available": 7}),
        a_job("completed", progress={"total": 20, "checked": 20}, result={"available": 14, "unavailable": 6}),
    )
    done = tuco("enqueue", "bulk-availability-check", "--data", "{}", "--follow")

    assert done.returncode == 0
    assert "waiting-children 10/20 (available 7)" in done.stderr
    assert "available    14" in done.stdout


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_job_that_does_not_complete_is_exit_status_1(
    tuco: Callable[..., Completed], stub: StubGateway, state: str
) -> None:
    attempt = {"number": 1, "outcome": "failed", "error": "the provider said no", "worker": "w@host:1"}
    stub.answer("GET", "/jobs/j1", a_job(state, attempts=[attempt]))
    done = tuco("job", "j1", "--follow")

    assert done.returncode == 1
    assert "the provider said no" in done.stdout


def test_a_job_is_printed_as_json_while_its_progress_goes_elsewhere(
    tuco: Callable[..., Completed], stub: StubGateway
) -> None:
    stub.answer("GET", "/jobs/j1", a_job("active"), a_job("completed", result={"n": 1}))
    done = tuco("job", "j1", "--follow", "--json")

    assert json.loads(done.stdout)["result"] == {"n": 1}


def test_a_job_that_nobody_knows_is_said(tuco: Callable[..., Completed], stub: StubGateway) -> None:
    stub.refuse("GET", "/jobs/j1", 404, "There is no job 'j1'.")
    done = tuco("job", "j1")

    assert done.returncode == 2
    assert "There is no job j1" in done.stderr


def test_an_id_that_is_none_is_not_even_asked_for(tuco: Callable[..., Completed], stub: StubGateway) -> None:
    assert tuco("job", "../stats").returncode == 2
    assert stub.asked == []


def test_ctrl_c_leaves_the_job_alone_and_says_so(stub: StubGateway, tmp_path: Path) -> None:
    stub.answer("GET", "/jobs/j1", a_job("active"))
    environ = clean_environ(BULLMQ_SERVER_URL=stub.url, SERVICE_TOKEN="st")
    with subprocess.Popen(
        command("job", "j1", "--follow"), cwd=tmp_path, env=environ, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_until(lambda: stub.asked, message="the job is followed")
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=10)

    assert process.returncode == 130
    assert "The job goes on without you" in stderr
    assert {asked.method for asked in stub.asked} == {"GET"}


def test_leads_are_asked_about_by_their_ids(tuco: Callable[..., Completed], stub: StubGateway) -> None:
    stub.answer("POST", "/jobs", {**QUEUED, "status": "completed", "result": {"available": 1}})
    done = tuco("availability", "check", "0" * 24, "--workspace", "w1", "--user", "me")

    assert done.returncode == 0
    assert "available" in done.stdout
    data = {"leadIds": ["0" * 24], "userId": "me", "workspaceId": "w1"}
    assert stub.asked[0].body == {"jobType": "bulk-availability-check", "data": data}


def test_asking_about_nobody_is_a_mistake(tuco: Callable[..., Completed]) -> None:
    assert tuco("availability", "check", "--workspace", "w1").returncode == 2
    assert tuco("availability", "check", "0" * 24, "--all", "--workspace", "w1").returncode == 2


def test_a_new_key_can_be_used_at_once(tuco: Callable[..., Completed]) -> None:
    assert Fernet(tuco("keys", "generate").stdout.strip())
    assert Fernet(json.loads(tuco("keys", "generate", "--json").stdout)["key"])


def test_a_second_terminal_needs_no_settings(stub: StubGateway, tmp_path: Path) -> None:
    stub.answer("GET", "/stats", {"queues": [], "totals": {}})
    StateFolder(tmp_path / ".tuco").announce({"BULLMQ_SERVER_URL": stub.url, "SERVICE_TOKEN": "from-dev"})
    below = tmp_path / "below"
    below.mkdir()
    done = run("stats", "--verbose", folder=below)

    assert done.returncode == 0
    assert stub.asked[0].token == "from-dev"
    assert str(tmp_path / ".tuco" / "dev.env") in done.stderr
    assert "from-dev" not in done.stderr + done.stdout


def test_a_proxy_for_the_outside_world_is_not_used_on_this_machine(
    tuco: Callable[..., Completed], stub: StubGateway
) -> None:
    stub.answer("GET", "/stats", {"queues": [], "totals": {}})
    proxy = "http://127.0.0.1:1"
    done = tuco("stats", HTTP_PROXY=proxy, http_proxy=proxy, NO_PROXY="", no_proxy="")

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("stats", "--nonsense"),
        ("enqueue",),
        ("enqueue", "t"),
        ("enqueue", "t", "--data", "{}", "--priority", "-1"),
        ("line", "add"),
        ("leads", "import", "x.csv"),
        ("dev", "--port", "70000"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_status_2(tuco: Callable[..., Completed], arguments: tuple[str, ...]) -> None:
    assert tuco(*arguments).returncode == 2


def test_a_wrong_setting_is_named(tuco: Callable[..., Completed]) -> None:
    done = tuco("stats", BULLMQ_SERVER_URL="localhost:3001")

    assert done.returncode == 2
    assert "BULLMQ_SERVER_URL" in done.stderr


def test_a_missing_database_setting_is_named(tuco: Callable[..., Completed]) -> None:
    done = tuco("line", "list")

    assert done.returncode == 2
    assert "MONGODB_URI is not set" in done.stderr
    assert "make dev" in done.stderr


def test_what_a_provider_wrote_cannot_steer_the_terminal(tuco: Callable[..., Completed], stub: StubGateway) -> None:
    stub.answer("GET", "/jobs/j1", a_job("failed", error="\x1b[2J\x1b]0;owned\x07 [red]text[/red]"))
    done = tuco("job", "j1")

    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout
    assert "[red]text[/red]" in done.stdout
