"""Who gets in, who may change what, and how a forged request fails."""

import re
from datetime import timedelta

import pytest

from libs.common.settings import Secret, Settings
from services.gateway.auth import Scope, needs, scope_of
from services.gateway.dashboard.blueprint import PREFIX
from services.gateway.dashboard.sessions import COOKIE, Sessions
from tests.unit.dashboard.world import ADMIN_TOKEN, PAGES, SERVICE_TOKEN, World, a_bit_of_everything, dead

BROWSER = {"Accept": "text/html"}
ROUTES = [
    (method, re.sub(r"<any\((\w+).*?>", r"\1", rule.rule), scope_of(World().app.view_functions[rule.endpoint]))
    for rule in World().app.url_map.iter_rules()
    for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
]
CHANGES = [re.sub(r"<[^>]+>", "integration-sync", path) for method, path, scope in ROUTES if scope is Scope.ADMIN]


@pytest.fixture
def world() -> World:
    world = World()
    a_bit_of_everything(world)
    return world


def test_there_are_changes_to_guard() -> None:
    assert len(CHANGES) >= 7


def test_only_login_and_files_are_open() -> None:
    assert {path for _, path, scope in ROUTES if scope is Scope.OPEN} == {
        f"{PREFIX}/login",
        f"{PREFIX}/static/<path:name>",
    }


def test_what_is_posted_needs_the_admin_token_except_login_and_logout() -> None:
    posted = {path for method, path, scope in ROUTES if method == "POST" and scope is not Scope.ADMIN}
    assert posted == {f"{PREFIX}/login", f"{PREFIX}/logout"}


@pytest.mark.parametrize("path", PAGES)
def test_without_a_session_every_page_leads_to_the_login_and_back(world: World, path: str) -> None:
    answer = world.client.get(f"{PREFIX}{path}", headers=BROWSER)

    assert answer.status_code == 303
    assert answer.location.startswith(f"{PREFIX}/login?next=")
    logged_in = world.client.post(answer.location, data={"token": SERVICE_TOKEN})
    assert logged_in.location == f"{PREFIX}{path}"


def test_a_program_without_a_token_gets_a_problem_document(world: World) -> None:
    answer = world.client.get(f"{PREFIX}/")

    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"
    assert "WWW-Authenticate" in answer.headers


def test_a_program_may_show_its_token_in_a_header(world: World) -> None:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}

    assert world.client.get(f"{PREFIX}/", headers=headers).status_code == 200
    assert world.client.post(f"{PREFIX}/jobs/died", data={"action": "retry"}, headers=headers).status_code == 303
    assert world.decided == [("retry", "died")]


@pytest.mark.parametrize("token", ["", "wrong", SERVICE_TOKEN + "x", "t\xf6ken", "x" * 5_000])
def test_a_wrong_token_opens_nothing_and_says_so(world: World, token: str) -> None:
    answer = world.client.post(f"{PREFIX}/login", data={"token": token})

    assert answer.status_code == 401
    assert "not known" in answer.text
    assert "Set-Cookie" not in answer.headers


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(world: World) -> None:
    answer = world.client.post(f"{PREFIX}/login", data={"token": ADMIN_TOKEN}, headers={"X-Forwarded-Proto": "https"})

    cookie = answer.headers["Set-Cookie"]
    for part in ("HttpOnly", "SameSite=Strict", f"Path={PREFIX}", "Secure"):
        assert part in cookie
    assert ADMIN_TOKEN not in cookie


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example",
        "/dashboard/\\evil",
        "/dashboard//evil",
        "/api/bullmq/stats",
        "/dashboardx",
    ],
)
def test_the_login_leads_nowhere_else(world: World, elsewhere: str) -> None:
    answer = world.client.post(f"{PREFIX}/login", data={"token": ADMIN_TOKEN, "next": elsewhere})

    assert answer.location == f"{PREFIX}/"


def test_another_site_cannot_log_one_in(world: World) -> None:
    answer = world.client.post(f"{PREFIX}/login", data={"token": ADMIN_TOKEN}, headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_a_link_on_another_site_opens_the_page_by_a_step_of_our_own(world: World) -> None:
    answer = world.client.get(f"{PREFIX}/dead", headers={**BROWSER, "Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 200
    assert f'content="0; url={PREFIX}/dead"' in answer.text
    # The step of our own meets the login, not this page again.
    again = world.client.get(f"{PREFIX}/dead", headers={**BROWSER, "Sec-Fetch-Site": "same-origin"})
    assert again.status_code == 303


@pytest.mark.parametrize("path", PAGES)
def test_who_may_look_sees_every_page_and_no_button_but_that_to_leave(world: World, path: str) -> None:
    world.log_in(SERVICE_TOKEN)

    page = world.open(path)

    assert re.findall(r'<form[^>]*method="post"[^>]*action="([^"]*)"', page) == [f"{PREFIX}/logout"]
    assert "May look only" in page


@pytest.mark.parametrize("path", CHANGES)
def test_who_may_look_changes_nothing(world: World, path: str) -> None:
    world.log_in(SERVICE_TOKEN)

    answer = world.client.post(path, data={"csrf": world.csrf(), "action": "retry"}, headers=BROWSER)

    assert answer.status_code == 403
    assert world.decided == []


@pytest.mark.parametrize("shown", [None, "", "wrong", "\xfc", "0" * 64])
@pytest.mark.parametrize("path", [*CHANGES, f"{PREFIX}/logout"])
def test_a_change_without_the_pages_token_is_refused(world: World, path: str, shown: str | None) -> None:
    world.log_in()
    data = {"action": "retry", "resolution": "resend"} | ({} if shown is None else {"csrf": shown})

    answer = world.client.post(path, data=data, headers=BROWSER)

    assert answer.status_code == 403
    assert "too old" in answer.text
    assert world.decided == []
    assert not world.sync.paused


def test_the_token_of_another_session_is_refused(world: World) -> None:
    world.log_in()
    others = world.csrf()
    world.client.delete_cookie(COOKIE, path=PREFIX)
    world.log_in()

    answer = world.client.post(f"{PREFIX}/jobs/died", data={"csrf": others, "action": "retry"}, headers=BROWSER)

    assert answer.status_code == 403


def test_logging_out_ends_it(world: World) -> None:
    world.log_in()

    world.send("/logout")

    assert world.client.get(f"{PREFIX}/", headers=BROWSER).status_code == 303


def test_a_session_ends_with_its_token() -> None:
    before = Sessions(Settings(service_token=Secret("s"), admin_token=Secret("new,old")))
    cookie = before.open("old")
    after = Sessions(Settings(service_token=Secret("s"), admin_token=Secret("new")))

    assert before.read(cookie) is not None
    assert after.read(cookie) is None


def test_every_gateway_knows_the_sessions_of_the_others() -> None:
    settings = Settings(service_token=Secret("s"), admin_token=Secret("a"))

    session = Sessions(settings).read(Sessions(settings).open("a"))

    assert session is not None
    assert session.caller.scope is Scope.ADMIN


@pytest.mark.parametrize("forged", ["", "x", "x.y.z", "ImFiYyI.aaaa.bbbb", "\xfc"])
def test_a_forged_cookie_is_no_session(forged: str) -> None:
    assert Sessions(Settings(admin_token=Secret("a"), service_token=Secret("s"))).read(forged) is None


def test_a_session_grows_too_old() -> None:
    sessions = Sessions(Settings(admin_token=Secret("a"), service_token=Secret("s")), lifetime=timedelta(seconds=-1))

    assert sessions.read(sessions.open("a")) is None


def test_a_cookie_opens_nothing_but_the_dashboard(world: World) -> None:
    world.app.add_url_rule("/elsewhere", view_func=needs(Scope.SERVICE)(lambda: "secret"))
    world.log_in()
    cookie = world.client.get_cookie(COOKIE, path=PREFIX)
    assert cookie is not None
    world.client.set_cookie(COOKIE, cookie.value, path="/")

    assert world.client.get("/elsewhere").status_code == 401


def test_in_dev_without_tokens_everyone_may_do_everything_but_forge() -> None:
    world = World(Settings(environment="dev"))
    world.sync.show(dead("died", "Boom"))

    assert "Retry" in world.open("/jobs/died")
    assert "Log out" not in world.open("/")
    assert world.client.post(f"{PREFIX}/jobs/died", data={"action": "retry"}).status_code == 403
    assert world.send("/jobs/died", action="retry").status_code == 303
    assert world.decided == [("retry", "died")]
