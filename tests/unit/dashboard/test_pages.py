"""What the pages show, what may be done on them, and that strangers' text stays text."""

from datetime import timedelta
from html.parser import HTMLParser

import msgspec
import pytest

from libs.common.broker.model import Children
from libs.common.jobs.states import JobState
from libs.common.stores.schedules import Schedule
from services.gateway.dashboard.blueprint import PREFIX
from services.gateway.dashboard.rates import RateHistory
from services.gateway.health import Part
from services.gateway.rates import QueueRates
from tests.unit.dashboard.world import NOW, PAGES, XSS, FakeQueue, World, a_bit_of_everything, dead, job


@pytest.fixture
def world() -> World:
    world = World()
    a_bit_of_everything(world)
    world.log_in()
    return world


class _Tags(HTMLParser):
    """Every tag of a page, and every attribute that could run something."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str | None] = []
        self.dangers: list[str] = []
        self.ids: list[str] = []
        self.labels: set[str] = set()
        self.fields: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "script":
            self.scripts.append(given.get("src"))
        self.dangers += [f"{tag} {name}" for name in given if name.startswith("on") or name == "style"]
        self.dangers += [tag] if tag in ("style", "iframe", "object", "img", "base") else []
        self.dangers += [tag for value in given.values() if (value or "").lower().startswith("javascript:")]
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "label":
            self.labels.add(str(given.get("for")))
        if tag == "input" and given.get("type") != "hidden":
            self.fields.append(given)


def tags_of(page: str) -> _Tags:
    parser = _Tags()
    parser.feed(page)
    return parser


@pytest.mark.parametrize("path", PAGES)
def test_a_strangers_text_stays_text_on_every_page(path: str) -> None:
    world = World()
    a_bit_of_everything(world, text=XSS)
    world.log_in()

    page = world.open(path)

    found = tags_of(page)
    assert found.scripts == [f"{PREFIX}/static/main.js"]
    assert found.dangers == []


@pytest.mark.parametrize(
    "path", ["/jobs/died", "/dead", "/lines", "/messages", "/queues/integration-sync?state=failed"]
)
def test_that_text_is_shown_all_the_same(path: str) -> None:
    world = World()
    a_bit_of_everything(world, text=XSS)
    world.log_in()

    assert "&lt;script&gt;alert" in world.open(path)


@pytest.mark.parametrize("path", [*PAGES, "/nowhere", "/login"])
def test_every_page_may_load_our_own_files_only(world: World, path: str) -> None:
    answer = world.client.get(f"{PREFIX}{path}", headers={"Accept": "text/html"})

    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == policy["form-action"] == "'self'"


@pytest.mark.parametrize("path", PAGES)
def test_every_page_can_be_read_aloud(world: World, path: str) -> None:
    page = world.open(path)

    found = tags_of(page)
    assert len(found.ids) == len(set(found.ids))
    assert page.count("<h1") == 1
    assert 'lang="en"' in page
    assert [f for f in found.fields if f.get("id") not in found.labels and not f.get("aria-label")] == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_that_refreshes_itself_asks_for_its_middle_only(world: World, path: str) -> None:
    answer = world.client.get(f"{PREFIX}{path}", headers={"X-Fragment": "1"})

    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert "<h1" in answer.text
    assert "X-Fragment" in answer.headers["Vary"]


def test_the_scripts_and_styles_are_there(world: World) -> None:
    for name, kind in [
        ("main.js", "javascript"),
        ("live.js", "javascript"),
        ("dashboard.css", "css"),
        ("icon.svg", "svg"),
    ]:
        answer = world.client.get(f"{PREFIX}/static/{name}")
        assert answer.status_code == 200
        assert kind in answer.content_type


@pytest.mark.parametrize("name", ["../blueprint.py", "..%2fblueprint.py", "nothing.js", ""])
def test_no_other_file_is_given_away(world: World, name: str) -> None:
    assert world.client.get(f"{PREFIX}/static/{name}").status_code == 404


# Overview


def test_the_overview_says_first_what_is_wrong(world: World) -> None:
    page = world.open("/")

    assert "One thing needs a person now." in page
    assert page.index("1 dead letter in integration-sync.") < page.index("<table")


def test_the_overview_says_so_when_nothing_is_wrong() -> None:
    world = World()
    world.log_in()

    assert "Everything runs." in world.open("/")


def test_the_overview_stays_when_a_store_is_away(world: World) -> None:
    world.mongodb_away = True
    world.line_rows = []
    for queue in world.queues.values():
        queue.away = True
    world.parts_health = {"redis": Part(status="down", reason="refused"), "mongodb": Part(status="down")}

    page = world.open("/")

    assert "2 things need a person now." in page
    assert "Redis does not answer: refused." in page


def test_the_overview_tells_how_fast_a_queue_goes(world: World) -> None:
    world.speeds["integration-sync"] = QueueRates(
        added_per_second=2.0, ended_per_second=1.5, wait_p50_seconds=0.25, wait_p95_seconds=75, workers=3
    )

    page = world.open("/")

    for words in (">120<", ">90<", "250 ms", "1 min", "3 workers"):
        assert words in page


def test_the_plot_is_of_what_was_completed_between_looks() -> None:
    history, queue = RateHistory(), FakeQueue("q").stats()
    for seconds, completed in [(0, 100), (1, 105), (10, 110), (20, 140), (30, 0)]:
        seen = msgspec.structs.replace(queue, totals={"completed": completed})
        history.note([seen], at=NOW + timedelta(seconds=seconds))

    assert history.completed("q") == [60, 180, 0]


def test_a_job_is_found_by_its_id(world: World) -> None:
    answer = world.client.get(f"{PREFIX}/find?id=+died+", headers={"Accept": "text/html"})

    assert answer.location == f"{PREFIX}/jobs/died"
    assert "There is no job" in world.open("/jobs/nothing", status=404)


# Queue


def test_a_queue_is_paged(world: World) -> None:
    world.sync.show(*(dead(f"d{n:03}", "Boom") for n in range(120)))

    first = world.open("/queues/integration-sync?state=failed")
    second = world.open("/queues/integration-sync?state=failed&cursor=50")

    assert "cursor=50" in first
    assert "d010" in first
    assert "d010" not in second
    assert "First page" in second


def test_a_queue_opens_at_the_state_where_something_is() -> None:
    world = World()
    world.sync.show(dead("died", "Boom"))
    world.log_in()

    assert "died" in world.open("/queues/integration-sync")


def test_a_queue_is_searched_by_the_words_of_an_error(world: World) -> None:
    world.sync.show(dead("other", "Quite different"))

    page = world.open("/queues/integration-sync?state=failed&text=different")

    assert "other" in page
    assert "/jobs/died" not in page


@pytest.mark.parametrize("path", ["/queues/nothing", "/queues/integration-sync?state=nothing", "/dead?queue=nothing"])
def test_what_there_is_not_is_not_found(world: World, path: str) -> None:
    world.open(path, status=404)


def test_a_queue_is_paused_and_resumed(world: World) -> None:
    assert world.send("/queues/integration-sync/pause").status_code == 303
    assert world.sync.paused
    page = world.open("/queues/integration-sync")
    assert "Resume" in page
    assert "is paused: running jobs go on" in page
    assert "is paused: running jobs go on" not in world.open("/queues/integration-sync")

    world.send("/queues/integration-sync/resume")
    assert not world.sync.paused


def test_chosen_jobs_are_retried_and_what_had_moved_on_is_counted(world: World) -> None:
    world.send("/queues/integration-sync/jobs", action="retry", id=["died", "done"], state="failed")

    assert world.decided == [("retry", "died")]
    assert "1 job runs again. 1 job was not in a state for it any more." in world.open("/")


def test_a_job_that_has_ended_meanwhile_is_not_removed_by_a_cancel(world: World) -> None:
    world.send("/queues/integration-sync/jobs", action="cancel", id=["done", "waits"])

    assert world.decided == [("end", "waits")]


def test_all_dead_letters_are_retried_at_once(world: World) -> None:
    world.send("/queues/integration-sync/dead/retry")

    assert world.decided == [("retry all", "integration-sync")]
    assert "3 jobs run again. 1 job was not in a state for it any more. There are more: do it once more." in world.open(
        "/"
    )


def test_nothing_chosen_changes_nothing(world: World) -> None:
    world.send("/queues/integration-sync/jobs", action="remove")

    assert world.decided == []


@pytest.mark.parametrize("path", ["/queues/integration-sync/jobs", "/jobs/died", "/dead"])
def test_an_unknown_action_is_refused(world: World, path: str) -> None:
    assert world.send(path, action="explode", id="died", queue="integration-sync").status_code == 400


# Job


def test_a_dead_letter_shows_each_attempt_with_its_error_and_worker(world: World) -> None:
    page = world.open("/jobs/died")

    assert "Attempt 1 failed" in page
    assert "Boom plain" in page
    assert "sync@host:7" in page
    assert "1.2 s" in page


def test_a_delayed_job_says_until_when_and_why(world: World) -> None:
    assert "It may start in 4 min: plain." in world.open("/jobs/later")


def test_a_running_job_shows_how_far_it_is(world: World) -> None:
    page = world.open("/jobs/runs")

    assert "40 %" in page
    assert 'data-live="2"' in page
    assert "data-live" not in world.open("/jobs/done")


def test_a_payload_that_only_the_ledger_holds_is_shown(world: World) -> None:
    world.sync.show(job("big", data={}))
    world.payloads["big"] = {"leadIds": ["lead-1"]}

    assert "lead-1" in world.open("/jobs/big")


def test_a_parent_says_how_many_children_it_waits_for(world: World) -> None:
    world.sync.show(job("parent", JobState.WAITING_CHILDREN, children=Children(pending=7, completed=3, failed=0)))

    assert "7 children have not yet" in world.open("/jobs/parent")


@pytest.mark.parametrize(
    ("job_id", "action", "decided"),
    [("died", "retry", "retry"), ("died", "remove", "end"), ("later", "promote", "promote"), ("runs", "cancel", "end")],
)
def test_a_job_is_decided_about(world: World, job_id: str, action: str, decided: str) -> None:
    world.send(f"/jobs/{job_id}", action=action)

    assert world.decided == [(decided, job_id)]


# Dead letters


def test_dead_letters_of_one_error_are_one_group(world: World) -> None:
    world.sync.show(dead("d1", "HTTP 502 from 10.0.0.1"), dead("d2", "HTTP 503 from 10.0.0.2"))

    page = world.open("/dead")

    assert "HTTP # from #" in page
    assert page.count('class="group"') == 2


def test_a_group_is_retried_and_no_other(world: World) -> None:
    world.sync.show(dead("d1", "HTTP 502"), dead("d2", "HTTP 503"))
    page = world.open("/dead")
    key = page[page.index('data-key="') + 10 :][:16]

    world.send("/dead", action="retry", key=key, queue="integration-sync")

    assert sorted(world.decided) == [("retry", "d1"), ("retry", "d2")]


def test_a_group_that_is_gone_is_told_of(world: World) -> None:
    world.send("/dead", action="retry", key="0" * 16, queue="integration-sync")

    assert world.decided == []
    assert "That group is empty by now." in world.open("/")


# Schedules, lines, messages


def test_a_schedule_is_switched(world: World) -> None:
    world.send("/schedules/minutely/off")
    assert world.schedule_rows["minutely"].enabled is False
    assert "Turn on" in world.open("/schedules")

    world.send("/schedules/minutely/on")
    assert world.schedule_rows["minutely"].enabled is True


def test_a_schedule_shows_its_next_runs_and_what_cannot_be_read(world: World) -> None:
    world.schedule_rows["odd"] = Schedule(name="odd", job_type="health-check", cron="nonsense")

    page = world.open("/schedules")

    assert "in 1 min, " not in page.split("<dt>Next</dt>")[0]
    assert "expected five fields" in page


def test_an_overdue_schedule_is_a_trouble(world: World) -> None:
    late = msgspec.structs.replace(world.schedule_rows["minutely"], last_tick_at=NOW - timedelta(minutes=10))
    world.schedule_rows["minutely"] = late

    assert "has missed its time by 9 min" in world.open("/")


@pytest.mark.parametrize("resolution", ["resend", "mark-sent", "mark-failed"])
def test_a_person_decides_about_a_message_once(world: World, resolution: str) -> None:
    path = "/messages/65f0c0ffee0000000000abcd"

    world.send(path, resolution=resolution)
    world.send(path, resolution=resolution)

    assert world.decided == [(resolution, "65f0c0ffee0000000000abcd")]
    assert "Somebody has decided that already." in world.open("/messages")


@pytest.mark.parametrize(("path", "status"), [("/messages/no-id", 404), ("/messages/65f0c0ffee0000000000abcd", 400)])
def test_a_decision_that_makes_no_sense_is_refused(world: World, path: str, status: int) -> None:
    assert world.send(path, resolution="perhaps").status_code == status


def test_a_page_says_so_when_its_store_is_away(world: World) -> None:
    world.mongodb_away = True

    assert "mongodb cannot be reached" in world.open("/messages", status=503)


def test_an_unforeseen_error_tells_nothing_of_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode() -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(world, "all", explode)

    page = world.open("/schedules", status=500)

    assert "hunter2" not in page
    assert "r1" in page


# Events


def test_the_stream_goes_on_behind_what_was_seen(world: World) -> None:
    answer = world.client.get(f"{PREFIX}/events", headers={"Last-Event-ID": "7-0"})

    assert answer.content_type == "text/event-stream"
    assert answer.text == "data: after 7-0\n\n"
