"""A token that is bound to a workspace: it opens the dashboard, and shows there nothing of the others."""

import re
from datetime import timedelta

import msgspec
import pytest

from libs.common.broker.model import Children
from libs.common.jobs.states import JobState, LedgerStatus
from libs.common.ledger.history import HistoricJob
from libs.common.settings import Secret, Settings
from services.gateway.auth import Scope
from services.gateway.dashboard.blueprint import PREFIX
from tests.unit.dashboard.stores import a_list, an_integration, one_lead
from tests.unit.dashboard.test_access import BROWSER, CHANGES, ROUTES
from tests.unit.dashboard.world import ADMIN_TOKEN, NOW, SERVICE_TOKEN, World, a_bit_of_everything, dead, job

SETTINGS = Settings(
    service_token=Secret(SERVICE_TOKEN), admin_token=Secret(ADMIN_TOKEN), workspace_tokens=Secret("mine=bound")
)
THEIRS = "thesecret"
"""Stands in everything of the other workspace."""


@pytest.fixture
def world() -> World:
    """Everything is another workspace's, and something is ours."""
    world = World(SETTINGS)
    a_bit_of_everything(world, text=THEIRS)
    theirs = {view.job_id: msgspec.structs.replace(view, group=THEIRS) for view in world.sync.views.values()}
    world.sync.views = theirs
    world.sync.show(dead("our-dead", "Boom", group="mine"), job("our-job", group="mine"))
    world.runs.show(a_list("our-list", text="mine"), one_lead("our-list", text="mine"))
    world.past.jobs = [
        HistoricJob(
            job_id=f"past-{workspace}",
            job_type="integration-sync",
            queue="integration-sync",
            status=LedgerStatus.COMPLETED,
            workspace_id=workspace,
            created_at=NOW - timedelta(minutes=1),
        )
        for workspace in (THEIRS, "mine")
    ]
    world.syncs.show(an_integration("65f0c0ffee0000000000cccc", text="mine"))
    world.open_messages.append(
        msgspec.structs.replace(world.open_messages[0], message_id="65f0c0ffee0000000000eeee", workspace_id="mine")
    )
    world.log_in("bound")
    return world


OWN = [
    ("/", "past-mine"),
    ("/queues/integration-sync?state=failed", "our-dead"),
    ("/queues/integration-sync?state=waiting", "our-job"),
    ("/dead", "our-dead"),
    ("/jobs/our-dead", "Boom"),
    ("/lists", "our-list"),
    ("/lists/our-list", "mine"),
    ("/lists/our-list/leads.csv", "mine"),
    ("/messages", "65f0c0ffee0000000000eeee"),
    ("/messages/65f0c0ffee0000000000eeee", "mine"),
    ("/lines", "There are no lines in this workspace."),
    ("/integrations", "65f0c0ffee0000000000cccc"),
    ("/integrations/65f0c0ffee0000000000cccc", "mine"),
    ("/schedules", "no schedules of its own"),
]


@pytest.mark.parametrize(("path", "shown"), OWN)
def test_one_sees_what_is_ones_own(world: World, path: str, shown: str) -> None:
    assert shown in world.open(path)


LISTING = [
    "/",
    "/queues/integration-sync",
    "/queues/integration-sync?state=failed",
    f"/queues/integration-sync?state=failed&workspace={THEIRS}",
    "/queues/integration-sync?state=active",
    "/queues/integration-sync?state=completed",
    "/queues/integration-sync?state=delayed",
    "/dead",
    f"/dead?workspace={THEIRS}",
    "/lists",
    f"/lists?workspace={THEIRS}",
    "/messages?show=latest",
    f"/messages?show=latest&workspace={THEIRS}",
    "/lines",
    f"/lines?workspace={THEIRS}",
    "/integrations",
    f"/integrations?workspace={THEIRS}",
    "/schedules",
]


@pytest.mark.parametrize("path", LISTING)
def test_no_list_shows_what_is_another_workspaces(world: World, path: str) -> None:
    # What a message says of itself was copied to ours; whose it is, was not.
    world.open_messages = [
        msgspec.structs.replace(each, to="", text="", error="") if each.workspace_id == "mine" else each
        for each in world.open_messages
    ]

    assert THEIRS not in world.open(path)


@pytest.mark.parametrize(
    "path",
    [
        "/jobs/died",
        "/lists/list1",
        "/lists/list1/leads.csv",
        "/messages/65f0c0ffee0000000000abcd",
        "/integrations/65f0c0ffee0000000000aaaa",
        "/integrations/65f0c0ffee0000000000aaaa/runs/65f0c0ffee0000000000bbbb",
        "/integrations/65f0c0ffee0000000000cccc/runs/65f0c0ffee0000000000bbbb",
    ],
)
def test_what_is_another_workspaces_looks_as_if_it_were_not_there(world: World, path: str) -> None:
    assert THEIRS not in world.open(path, status=404)


def test_how_many_jobs_the_others_have_is_not_told(world: World) -> None:
    world.sync.show(*(dead(f"d{number}", "x", group=THEIRS) for number in range(333)))

    for path in ("/", "/queues/integration-sync", "/dead"):
        assert "33" not in re.sub(r'"[^"]*"', "", world.open(path))


def test_a_child_of_another_workspace_is_not_listed(world: World) -> None:
    world.sync.show(
        job("parent", JobState.WAITING_CHILDREN, group="mine", children=Children(pending=1, completed=0, failed=0)),
        job("their-child", JobState.ACTIVE, group=THEIRS, parent_id="parent"),
    )

    assert "their-child" not in world.open("/jobs/parent")


def test_one_may_look_only_and_is_told_where(world: World) -> None:
    page = world.open("/")

    assert "May look only" in page
    assert "workspace mine" in page


@pytest.mark.parametrize("path", CHANGES)
def test_one_changes_nothing(world: World, path: str) -> None:
    assert world.client.post(path, data={"csrf": world.csrf(), "action": "retry"}, headers=BROWSER).status_code == 403
    assert world.decided == []
    assert world.submitted == []


def test_the_stream_of_all_queues_is_not_open(world: World) -> None:
    assert world.client.get(f"{PREFIX}/events").status_code == 403
    assert "data-events" not in world.open("/")


def test_a_token_in_a_header_is_bound_as_well() -> None:
    world = World(SETTINGS)
    a_bit_of_everything(world, text=THEIRS)

    answer = world.client.get(f"{PREFIX}/lists", headers={"x-service-token": "bound"})

    assert answer.status_code == 200
    assert THEIRS not in answer.text


def test_every_page_that_shows_something_was_thought_of_here() -> None:
    shown = {path for method, path, scope in ROUTES if method == "GET" and scope is Scope.SERVICE}
    tried = {re.sub(r"\?.*", "", path) for path, *_ in OWN}
    names = {f"{PREFIX}{re.sub(r'(?<=/)(?:our-[a-z]+|[0-9a-f]{24}|integration-sync)', '<>', path)}" for path in tried}

    unknown = {re.sub(r"<[^>]+>", "<>", path).rstrip("/") for path in shown} - {name.rstrip("/") for name in names}
    assert unknown == {
        f"{PREFIX}/events",
        f"{PREFIX}/find",
        f"{PREFIX}/integrations/<>/runs/<>",
        f"{PREFIX}/<>",
    }
