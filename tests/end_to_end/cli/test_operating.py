"""The commands of a bad night, and how they end when a person, a pipe or the gateway ends them."""

import json
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from libs.common.jobs.registry import contracts, queues
from tests.end_to_end.cli.program import clean_environ, command, run_inside
from tests.end_to_end.cli.stub_gateway import StubGateway, stub_gateway

Completed = subprocess.CompletedProcess[str]

RATES = {"addedPerSecond": 1.5, "endedPerSecond": 1.4, "waitP95Seconds": 0.2, "runP95Seconds": 3, "workers": 1}
WORKER = {"worker": "w@host:7", "service": "sync", "queues": ["q1"], "held": 2, "seenSecondsAgo": 1.2}
STATS = {
    "queues": [
        {"queue": "q1", "counts": {"waiting": 5, "failed": 1}, "paused": False, "rates": RATES},
        {"queue": "q2", "counts": {"waiting": 0, "failed": 0}, "paused": False, "rates": RATES},
    ],
    "totals": {},
    "workers": [WORKER],
}
ALARM = {"severity": "alarm", "text": "Redis does not answer: refused.", "advice": "Jobs wait in the ledger."}
NOTE = {"severity": "note", "text": "The schedule health-check is off.", "advice": ""}


@pytest.fixture
def stub() -> Iterator[StubGateway]:
    with stub_gateway() as running:
        yield running


@pytest.fixture
def tuco(stub: StubGateway, tmp_path: Path) -> Callable[..., Completed]:
    """Runs a command against the stub."""

    def call(*arguments: str, **environ: str) -> Completed:
        variables = {"BULLMQ_SERVER_URL": stub.url, "SERVICE_TOKEN": "st", "ADMIN_TOKEN": "at", **environ}
        return run_inside(*arguments, folder=tmp_path, environ=variables)

    return call


def test_stats_are_watched_as_tables_or_as_lines(tuco: Callable[..., Completed], stub: StubGateway) -> None:
    stub.answer("GET", "/stats", STATS)
    people = tuco("stats", "--watch", "--every", "0.2", "--times", "2")
    programs = tuco("stats", "--watch", "--every", "0.2", "--times", "2", "--json")

    assert people.stdout.count("q1") == 2
    assert [json.loads(line) for line in programs.stdout.splitlines()] == [STATS, STATS]
    assert tuco("stats", "--times", "2").returncode == 2


def test_top_says_first_what_is_wrong(tuco: Callable[..., Completed], stub: StubGateway) -> None:
    stub.answer("GET", "/health", {"status": "unavailable", "parts": {"sync": {"status": "down"}}}, status=503)
    stub.answer("GET", "/troubles", {"verdict": "One thing needs a person now.", "troubles": [ALARM, NOTE]})
    stub.answer("GET", "/stats", STATS)
    done = tuco("top", "--times", "1")

    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "One thing needs a person now."
    assert lines[1].split(maxsplit=1) == ["alarm", f"{ALARM['text']} {ALARM['advice']}"]
    assert any(line.startswith("q1") and "1.5" in line for line in lines)
    assert any(line.startswith("w@host:7") for line in lines)


@pytest.mark.parametrize("redis", ["up", "down"])
def test_top_works_where_redis_does_not(tuco: Callable[..., Completed], stub: StubGateway, redis: str) -> None:
    stub.answer("GET", "/health", {"status": "unavailable", "parts": {"redis": {"status": redis}}}, status=503)
    stub.answer("GET", "/troubles", {"verdict": "One thing needs a person now.", "troubles": [ALARM]})
    stub.refuse("GET", "/stats", 503, "redis is unavailable")
    people, programs = tuco("top", "--times", "1"), tuco("top", "--times", "1", "--json")

    assert "Redis does not answer: refused." in people.stdout
    assert json.loads(programs.stdout)["stats"] is None
    assert any(asked.path.endswith("/stats") for asked in stub.asked) == (redis == "up")
    assert people.returncode == programs.returncode == 0


@pytest.mark.parametrize(("trouble", "status"), [(ALARM, 1), (NOTE, 0)])
def test_troubles_are_said_by_the_exit_status_too(
    tuco: Callable[..., Completed], stub: StubGateway, trouble: dict[str, str], status: int
) -> None:
    stub.answer("GET", "/troubles", {"verdict": "Look.", "troubles": [trouble]})
    done = tuco("troubles")

    assert done.returncode == status
    assert trouble["text"] in done.stdout


def test_dead_letters_of_every_queue_are_listed_where_none_is_named(
    tuco: Callable[..., Completed], stub: StubGateway
) -> None:
    stub.answer("GET", "/stats", STATS)
    dead = {"jobId": "j1", "queue": "q1", "jobType": "t", "attempts": [{"error": "boom"}], "createdAt": ""}
    stub.answer("GET", "/queues/q1/jobs?state=failed&limit=20", {"jobs": [dead], "cursor": None})
    done = tuco("dead")

    assert done.returncode == 0
    assert re.search(r"j1 +q1 +t .* boom", done.stdout)
    assert not any("q2" in asked.path for asked in stub.asked)


@pytest.mark.parametrize("decision", ["--retry", "--remove"])
def test_dead_letters_are_decided_about_one_queue_at_a_time(
    tuco: Callable[..., Completed], stub: StubGateway, decision: str
) -> None:
    done = tuco("dead", decision)

    assert done.returncode == 2
    assert f"tuco-jobs dead QUEUE {decision}" in done.stderr
    assert stub.asked == []


def test_schedules_are_listed_and_switched(tuco: Callable[..., Completed], stub: StubGateway) -> None:
    shown = {"name": "health-check", "jobType": "health-check", "cron": "*/5 * * * *", "timezone": "UTC"}
    stub.answer("GET", "/schedules", {"schedules": [{**shown, "nextAt": "2026-01-01T00:05:00Z"}]})
    stub.answer("PUT", "/schedules/health-check", shown)

    assert "2026-01-01T00:05:00Z" in tuco("schedules").stdout
    assert tuco("schedules", "list").stdout == tuco("schedules").stdout == tuco("schedule", "list").stdout
    assert tuco("schedules", "off", "health-check").returncode == 0
    assert tuco("schedules", "on", "health-check").returncode == 0
    bodies = [asked.body for asked in stub.asked if asked.method == "PUT"]
    assert bodies == [{"enabled": False}, {"enabled": True}]
    assert {asked.token for asked in stub.asked if asked.method == "PUT"} == {"at"}


@pytest.mark.parametrize(("status", "exit_status"), [(401, 2), (403, 2), (404, 2), (429, 3), (500, 1), (503, 3)])
def test_a_refusal_is_one_line_of_json_for_programs(
    tuco: Callable[..., Completed], stub: StubGateway, status: int, exit_status: int
) -> None:
    stub.refuse("GET", "/stats", status, "It is so.")
    done = tuco("stats", "--json")

    assert done.stdout == ""
    told = json.loads(done.stderr)
    assert told["exitStatus"] == done.returncode == exit_status
    assert "It is so." in told["error"]


def test_a_gateway_that_cannot_say_how_it_is_is_not_called_unhealthy(
    tuco: Callable[..., Completed], stub: StubGateway
) -> None:
    stub.refuse("GET", "/health", 503, "It is stopping.")
    done = tuco("health")

    assert done.returncode == 3
    assert "It is stopping." in done.stderr


def test_an_unhealthy_system_is_json_too(tuco: Callable[..., Completed], stub: StubGateway) -> None:
    stub.answer("GET", "/health", {"status": "unavailable", "parts": {"redis": {"status": "down"}}}, status=503)
    done = tuco("health", "--json")

    assert json.loads(done.stdout)["parts"]["redis"] == {"status": "down"}
    assert json.loads(done.stderr)["exitStatus"] == done.returncode == 1


def run_program(*arguments: str, folder: Path, **environ: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command(*arguments),
        cwd=folder,
        env=clean_environ(**environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_pipe_that_nobody_reads_ends_it_quietly(stub: StubGateway, tmp_path: Path) -> None:
    queue = {"queue": "q1", "counts": {"waiting": 1}, "paused": False}
    stub.answer("GET", "/stats", {"queues": [queue] * 2_000, "totals": {}})
    for form in ((), ("--json",)):
        with run_program("stats", *form, folder=tmp_path, BULLMQ_SERVER_URL=stub.url) as process:
            assert process.stdout is not None
            process.stdout.close()
            assert process.stderr is not None
            stderr = process.stderr.read()
            process.wait(20)

        assert (process.returncode, stderr) == (141, "")


def interrupted(process: "subprocess.Popen[str]") -> str:
    """What it says when Ctrl-C is pressed; again where Python lost the first one, in a finalizer say."""
    for _ in range(4):
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=8)[1]
    raise AssertionError("it does not end")


def test_ctrl_c_ends_it_with_the_status_that_shells_have_for_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with run_program("stats", folder=tmp_path, BULLMQ_SERVER_URL=url) as process:
            silent.settimeout(20)
            connection, _ = silent.accept()
            with connection:
                connection.recv(1)
                stderr = interrupted(process)

    assert process.returncode == 130
    assert "Traceback" not in stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(tuco: Callable[..., Completed], shell: str) -> None:
    script = tuco("completion", shell).stdout

    assert "_TUCO_JOBS_COMPLETE" in script
    assert f"{shell}_complete" in script


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("tuco-jobs sched", {"schedules"}),
        ("tuco-jobs pause ", set(queues())),
        ("tuco-jobs enqueue ", set(contracts())),
        ("tuco-jobs jobs --state wait", {"waiting", "waiting-children"}),
    ],
)
def test_the_program_completes_what_was_begun(tmp_path: Path, words: str, offered: set[str]) -> None:
    environ = clean_environ(
        _TUCO_JOBS_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(len(words.split(" ")) - 1)
    )
    done = subprocess.run(
        [str(Path(command()[0]).with_name("tuco-jobs"))], env=environ, cwd=tmp_path, capture_output=True, text=True
    )

    assert {line.removeprefix("plain,") for line in done.stdout.splitlines()} >= offered


def test_bash_itself_completes(tmp_path: Path) -> None:
    program = Path(command()[0]).with_name("tuco-jobs")
    script = f"""
        source <({program} completion bash)
        COMP_WORDS=(tuco-jobs unp) COMP_CWORD=1
        _tuco_jobs_completion {program} unp tuco-jobs
        echo "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=clean_environ(), capture_output=True, text=True, timeout=60
    )

    assert done.stdout.strip() == "unpause", done.stderr


PREVIEW = {
    "count": 3,
    "exact": True,
    "byQueue": {"q1": 3},
    "sample": [{"jobId": "j1", "queue": "q1", "state": "failed"}],
}


def test_what_a_bulk_action_would_do_is_said_before_it_is_done(
    tuco: Callable[..., Completed], stub: StubGateway
) -> None:
    stub.answer("POST", "/jobs/actions", {"action": "retry", "filter": {}, "found": PREVIEW}, {"jobId": "b1"})
    options = ("--queue", "q1", "--error", "boom", "--finished-after", "-2h")
    looked = tuco("bulk", "retry", *options, "--dry-run")
    done = tuco("bulk", "retry", *options, "--yes")

    assert "3 jobs: q1 3" in looked.stdout
    assert "j1" in looked.stdout
    assert "tuco-jobs job b1 --follow" in done.stdout
    order = {"action": "retry", "filter": {"queues": ["q1"], "error": "boom", "finishedAfter": "-2h"}}
    assert [asked.body for asked in stub.asked] == [{**order, "dryRun": True}, order]
    assert {asked.token for asked in stub.asked} == {"at"}


def test_a_bulk_action_that_nobody_agreed_to_is_not_done(tuco: Callable[..., Completed], stub: StubGateway) -> None:
    stub.answer("POST", "/jobs/actions", {"action": "remove", "filter": {}, "found": PREVIEW})
    done = tuco("bulk", "remove", "--workspace", "w1")

    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert all(asked.body["dryRun"] for asked in stub.asked)


def test_a_schedule_is_run_now(tuco: Callable[..., Completed], stub: StubGateway) -> None:
    stub.answer("POST", "/schedules/health-check/run", {"jobId": "j1"}, status=202)
    done = tuco("schedules", "run", "health-check")

    assert done.returncode == 0
    assert "tuco-jobs job j1 --follow" in done.stdout
    assert stub.asked[0].token == "at"
