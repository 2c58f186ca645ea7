"""What the pages show, what may be done on them, and that strangers' text stays text."""

import json
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import msgspec
import pytest

from libs.common.broker.model import Children
from libs.common.jobs.states import JobState
from libs.common.messages.states import MessageStatus
from libs.common.stores.lines import HealthStatus
from libs.common.stores.schedules import Schedule
from services.gateway.dashboard.blueprint import PREFIX
from services.gateway.dashboard.rates import Series
from services.gateway.health import Part
from services.gateway.rates import QueueRates
from tests.unit.dashboard.stores import a_list, an_integration, one_lead
from tests.unit.dashboard.world import NOW, PAGES, XSS, World, a_bit_of_everything, dead, job


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
        if tag in ("input", "textarea") and given.get("type") != "hidden":
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
    world.rates["integration-sync"] = QueueRates(
        added_per_second=2.0, ended_per_second=1.5, wait_p50_seconds=0.25, wait_p95_seconds=75, workers=3
    )
    world.drawn["integration-sync"] = Series(added=[60, 120], ended=[30, None], wait_p50=[0.25, 0.5])

    page = world.open("/")

    for words in (">120<", ">90<", "250 ms", "1 min", "3 workers"):
        assert words in page
    assert page.count('<polyline class="s1"') == 2
    assert page.count('<polyline class="s2"') == 1


def test_a_queue_whose_jobs_nobody_takes_is_an_alarm_at_once(world: World) -> None:
    world.rates["integration-sync"] = QueueRates(workers=0)
    world.sync.oldest = 20

    page = world.open("/")

    assert "Nobody takes jobs from integration-sync" not in page
    world.sync.views.pop("runs")
    page = world.open("/")
    assert "Nobody takes jobs from integration-sync: the oldest job has waited 20 s and none runs." in page
    assert "No worker of this queue has said" in page


def test_a_queue_that_a_worker_serves_may_take_its_time(world: World) -> None:
    world.rates["integration-sync"] = QueueRates(workers=1)
    world.sync.views.pop("runs")
    world.sync.oldest = 20

    assert "Nobody takes jobs" not in world.open("/")


def test_the_overview_names_the_workers_and_who_has_fallen_silent(world: World) -> None:
    page = world.open("/")

    assert "2 jobs" in page
    assert "silent for 12 s" in page


def test_the_overview_names_an_integration_that_needs_a_person(world: World) -> None:
    page = world.open("/")

    assert "The integration plain needs a person: plain." in page
    assert f'href="{PREFIX}/integrations/65f0c0ffee0000000000aaaa"' in page


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ("died", "/jobs/died"),
        ("65f0c0ffee0000000000abcd", "/messages/65f0c0ffee0000000000abcd"),
        ("ada@example.com", "/messages?to=ada@example.com"),
        ("+1 212 555 0123", "/messages?to=%2B1+212+555+0123"),
    ],
)
def test_what_one_looks_for_is_found_by_what_it_looks_like(world: World, wanted: str, path: str) -> None:
    answer = world.client.get(f"{PREFIX}/find", query_string={"id": wanted}, headers={"Accept": "text/html"})

    assert answer.location == f"{PREFIX}{path}"


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


def test_a_job_in_line_says_that_nobody_is_there_to_take_it(world: World) -> None:
    world.rates["integration-sync"] = QueueRates(workers=0)
    assert "no worker serves this queue" in world.open("/jobs/waits")

    world.rates["integration-sync"] = QueueRates(workers=2)
    assert "It is in line: 1 waiting in this queue, 1 running." in world.open("/jobs/waits")


def test_a_parent_lists_its_children_with_their_states(world: World) -> None:
    world.sync.show(
        job("parent", JobState.WAITING_CHILDREN, children=Children(pending=1, completed=0, failed=1)),
        dead("dead-child", "Boom", parent_id="parent"),
        job("live-child", JobState.ACTIVE, parent_id="parent", worker="w1"),
        job("stranger", JobState.ACTIVE, parent_id="another"),
    )

    page = world.open("/jobs/parent")

    assert page.index("live-child") < page.index("dead-child")
    assert "stranger" not in page


def test_the_job_of_a_message_says_why_it_is_not_sent_and_leads_to_it(world: World) -> None:
    message_id = world.open_messages[0].message_id
    world.sync.show(job("sends", job_type="message-processing", data={"messageId": message_id}))

    page = world.open("/jobs/sends")

    assert "a person decides" in page
    assert f'href="{PREFIX}/messages/{message_id}"' in page


SYNC = {"integrationId": "65f0c0ffee0000000000aaaa", "workspaceId": "acme", "mode": "full"}


def test_a_dead_letter_is_run_again_with_other_data(world: World) -> None:
    assert '<textarea id="data"' in world.open("/jobs/died")

    answer = world.send("/jobs/died/changed", data=json.dumps(SYNC))

    assert world.decided == [("retry with", "died")]
    assert answer.location == f"{PREFIX}/jobs/died"


@pytest.mark.parametrize(
    ("data", "status"),
    [("nonsense", 400), ("[]", 400), ('{"integrationId": "x", "workspaceId": "acme"}', 422), ("{}", 422)],
)
def test_data_that_make_no_job_change_nothing(world: World, data: str, status: int) -> None:
    assert world.send("/jobs/died/changed", data=data).status_code == status
    assert world.decided == []


def test_only_a_dead_letter_that_a_person_asked_for_may_be_changed(world: World) -> None:
    world.sync.show(
        dead("derived", "x"),
        dead("ticked", "x", job_type="health-check"),
        dead("long", "x", data={"a": "x" * 30_000}),
    )
    for job_id in ("waits", "ticked", "long"):
        world.owe(job_id)

    for job_id in ("waits", "derived", "ticked", "long"):
        assert "<textarea" not in world.open(f"/jobs/{job_id}")


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


def test_a_schedule_is_run_now(world: World) -> None:
    answer = world.send("/schedules/minutely/now")

    assert world.run_now == ["minutely"]
    assert answer.location == f"{PREFIX}/jobs/ticked"


def test_a_line_shows_how_far_its_limits_are_used_and_when_it_is_free(world: World) -> None:
    world.line_rows = [replace(world.line_rows[0], health=HealthStatus.UP, workspace_id="acme")]
    today = NOW.date().isoformat()
    world.records.line_days["l1", today] = 100

    page = world.open("/lines")

    assert "100 of 100" in page
    assert "its line has sent or promised its messages of the day" in page
    assert "in 12 h" in page


def test_a_line_that_is_down_promises_no_slot(world: World) -> None:
    assert "not used while it is down" in world.open("/lines")


def test_a_message_is_found_by_its_recipient(world: World) -> None:
    assert "/messages/65f0c0ffee0000000000abcd" in world.open("/messages?to=plain")
    assert "No message to +12125550123 in any workspace that has lines." in world.open("/messages?to=%2B12125550123")


def test_a_message_tells_what_happened_to_it(world: World) -> None:
    sent = msgspec.structs.replace(
        world.open_messages[0], status=MessageStatus.SENT, sent_at=NOW, dispatched_at=NOW, attempts=2
    )
    world.open_messages = [sent]

    page = world.open(f"/messages/{sent.message_id}")

    assert "It was sent." in page
    assert page.index("Handed to the provider") < page.index("<b>Sent</b>")
    assert "attempt 2" in page


def test_a_failed_message_may_be_sent_after_all_and_nothing_else(world: World) -> None:
    world.open_messages = [msgspec.structs.replace(world.open_messages[0], status=MessageStatus.FAILED)]

    page = world.open(f"/messages/{world.open_messages[0].message_id}")

    assert "Send once more" in page
    assert "It went out" not in page


# Lists


def test_a_list_shows_each_lead_and_how_many_have_which_outcome(world: World) -> None:
    page = world.open("/lists/list1")

    for words in ("3 leads", "Ask again about 1", '<span class="badge unknown">unknown</span>'):
        assert words in page


def test_a_run_that_is_on_counts_what_it_has_not_come_to(world: World) -> None:
    world.runs.show(a_list("runs", status="accepted", checked=0))

    page = world.open("/lists/runs")

    assert "open" in page
    assert 'data-live="4"' in page
    assert "Ask again" not in page


def test_only_the_leads_that_failed_are_asked_about_again_and_once(world: World) -> None:
    lead = "65f0c0ffee000000000000b2"
    world.runs.show(a_list("list1"), one_lead("list1", outcome="available", lead_id=lead))

    first = world.send("/lists/list1/again")
    world.send("/lists/list1/again")

    (job_type, data, key), (_, _, again) = world.submitted
    assert job_type == "bulk-availability-check"
    assert data["leadIds"] == ["65f0c0ffee000000000000a1"]
    assert (data["userId"], data["workspaceId"]) == ("acme", "acme")
    assert key == again is not None
    assert first.location == f"{PREFIX}/lists/new-job"


def test_a_run_that_is_on_is_not_asked_again(world: World) -> None:
    world.runs.show(a_list("runs", status="accepted"), one_lead("runs", outcome="open"))

    world.send("/lists/runs/again")

    assert world.submitted == []


def test_a_list_is_a_file_too(world: World) -> None:
    answer = world.client.get(f"{PREFIX}/lists/list1/leads.csv?outcome=unknown")

    assert answer.content_type.startswith("text/csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    header, lead = answer.text.splitlines()
    assert header.startswith("leadId,outcome,name")
    assert lead.startswith("65f0c0ffee000000000000a1,unknown,plain")
    assert len(world.client.get(f"{PREFIX}/lists/list1/leads.csv?outcome=invalid").text.splitlines()) == 1


@pytest.mark.parametrize("path", ["/lists/nothing", "/lists/nothing/leads.csv"])
def test_a_list_that_is_not_there_is_not_found(world: World, path: str) -> None:
    world.open(path, status=404)


@pytest.mark.parametrize("query", ["outcome=explode", "start=-1", "start=x"])
def test_a_part_that_no_list_has_is_refused(world: World, query: str) -> None:
    world.open(f"/lists/list1?{query}", status=400)


# Integrations


def test_a_run_shows_its_counts_and_the_rows_that_were_refused(world: World) -> None:
    page = world.open("/integrations/65f0c0ffee0000000000aaaa/runs/65f0c0ffee0000000000bbbb")

    for words in ("<dt>Refused</dt>", "the field was left out", "30 %"):
        assert words in page


@pytest.mark.parametrize("mode", ["incremental", "full", "dryRun"])
def test_an_integration_is_synced_now(world: World, mode: str) -> None:
    world.syncs.show(an_integration("65f0c0ffee0000000000aaaa"))

    world.send("/integrations/65f0c0ffee0000000000aaaa/sync", mode=mode)

    ((job_type, data, _),) = world.submitted
    assert job_type == "integration-sync"
    assert data["integrationId"] == "65f0c0ffee0000000000aaaa"
    assert data["workspaceId"] == "acme"
    assert data.get("mode", "incremental") == mode


@pytest.mark.parametrize(
    "path",
    [
        "/integrations/nothing",
        "/integrations/65f0c0ffee0000000000aaaa/runs/65f0c0ffee0000000000cccc",
    ],
)
def test_an_integration_or_run_that_is_not_there_is_not_found(world: World, path: str) -> None:
    world.open(path, status=404)


@pytest.mark.parametrize(("path", "a_page"), [("/integrations", 50), ("/integrations/{0:024x}", 20)])
def test_a_further_page_is_offered_only_where_there_is_more(path: str, a_page: int) -> None:
    world = World()
    world.log_in()
    for number in range(a_page):
        world.syncs.show(an_integration(f"{number:024x}"))
    assert 'rel="next"' not in world.open(path.format(0))

    world.syncs.show(an_integration(f"{a_page:024x}"))
    assert 'rel="next"' in world.open(path.format(0))


def test_a_person_without_integrations_is_told_the_command_that_adds_one() -> None:
    world = World()
    world.log_in()

    assert "<code>tuco-jobs integration add</code>" in world.open("/integrations")


def test_a_way_to_sync_that_there_is_not_is_refused(world: World) -> None:
    assert world.send("/integrations/65f0c0ffee0000000000aaaa/sync", mode="explode").status_code == 400
    assert world.submitted == []


# More of schedules, lines and messages


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
