"""The dashboard as a person meets it: in a real browser, on a whole installation."""

import time
from datetime import UTC, datetime

import pytest
from bson import ObjectId

from libs.common.stores.collections import JOBS
from tests.end_to_end.dashboard.browser import Page
from tests.end_to_end.dashboard.stage import DEMO_TOKEN, XSS, Scene, set_integrations, set_messages
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(180)


def test_a_person_logs_in_and_sees_how_everything_is(scene: Scene, admin: Page) -> None:
    assert "integration-sync" in admin.text()
    assert admin.run("location.pathname") == "/dashboard/"
    assert admin.run("document.cookie") == ""


def test_a_wrong_token_is_told_and_changes_nothing(scene: Scene, page: Page) -> None:
    page.open(f"{scene.url}/dashboard/dead")
    page.write("#token", "wrong")
    page.submit(".login button")

    assert "That token is not known" in page.text()
    assert page.run("document.activeElement.id") == "token"
    # The browser writes every refused page to its console.
    assert len(page.complaints) == 1
    assert "401" in page.complaints.pop()


def test_a_page_changes_by_itself_when_something_happens(scene: Scene, admin: Page) -> None:
    admin.open(f"{scene.url}/dashboard/queues/integration-sync?state=failed")
    loads = admin.loads

    job_id = scene.dead_letter()

    admin.wait(lambda: job_id in admin.text(), "the dead letter appears")
    assert admin.loads == loads


def test_what_is_chosen_and_open_stays_when_the_page_refreshes(scene: Scene, admin: Page) -> None:
    job_id = scene.dead_letter()
    admin.open(f"{scene.url}/dashboard/queues/integration-sync?state=failed")
    admin.click(f"input[value='{job_id}']")
    admin.run("document.querySelector('.ask').open = true")

    newer = scene.dead_letter()

    admin.wait(lambda: newer in admin.text(), "the newer one appears")
    assert admin.run(f"document.querySelector(\"input[value='{job_id}']\").checked")
    assert admin.run("document.querySelector('.ask').open")
    assert "1 chosen" in admin.text()


def test_a_dead_letter_is_retried_with_one_click(scene: Scene, admin: Page) -> None:
    job_id = scene.dead_letter()
    admin.open(f"{scene.url}/dashboard/jobs/{job_id}")

    admin.submit(".actions button.main")

    assert "1 job runs again." in admin.text()
    wait_until(lambda: len(scene.job(job_id)["attempts"]) == 2, deadline_s=30, message="it has run again")


def test_a_dead_letter_is_changed_and_run_again(scene: Scene, admin: Page) -> None:
    job_id = scene.dead_letter()
    admin.open(f"{scene.url}/dashboard/jobs/{job_id}")
    admin.click(".change summary")
    admin.run("(e => { e.value = e.value.replace('incremental', 'full'); })(document.getElementById('data'))")

    admin.submit(".change form button")

    assert "The job runs again, with the changed data." in admin.text()
    assert scene.job(job_id)["data"]["mode"] == "full"


def test_a_queue_is_paused_and_resumed(scene: Scene, admin: Page) -> None:
    admin.open(f"{scene.url}/dashboard/queues/message-processing")
    admin.click(".ask summary")
    admin.submit(".ask form button")

    assert "Jobs are accepted and wait; none is started." in admin.text()
    admin.open(f"{scene.url}/dashboard/")
    assert "message-processing is paused" in admin.text()

    admin.open(f"{scene.url}/dashboard/queues/message-processing")
    admin.submit(".actions button.main")
    assert "is resumed" in admin.text()


def test_a_strangers_script_is_text(scene: Scene, admin: Page) -> None:
    job_id = scene.dead_letter(workspace=XSS)

    for path in ("/dead", f"/jobs/{job_id}", "/queues/integration-sync?state=failed"):
        admin.open(f"{scene.url}/dashboard{path}")
        assert "<script>" in admin.text()
        assert admin.run("document.title") != "owned"
        assert admin.run("document.querySelectorAll('#main script, #main img').length") == 0

    # And it stays so when scripts put it on the page.
    newer = scene.dead_letter(workspace=XSS)
    admin.wait(lambda: newer in admin.text(), "the newer one appears")
    assert admin.run("document.title") != "owned"
    assert admin.run("document.querySelectorAll('#main script, #main img').length") == 0


def test_who_may_look_has_no_buttons(scene: Scene, page: Page) -> None:
    job_id = scene.dead_letter()
    page.open(f"{scene.url}/dashboard/jobs/{job_id}")
    page.write("#token", scene.service_token)
    page.submit(".login button")

    assert job_id in page.text()
    assert page.run("document.querySelectorAll('#main button').length") == 0


def test_keys_lead_through_the_rows(scene: Scene, admin: Page) -> None:
    scene.dead_letter()
    scene.dead_letter()
    admin.open(f"{scene.url}/dashboard/queues/integration-sync?state=failed")
    focused = "document.activeElement.getAttribute('href')"

    admin.press("j")
    first = admin.run(focused)
    admin.press("j")
    second = admin.run(focused)
    admin.press("k")
    assert admin.run(focused) == first != second
    admin.press("x")
    assert "1 chosen" in admin.text()
    admin.press("/")
    assert admin.run("document.activeElement.id") == "find"
    admin.press("j")
    assert admin.run("document.activeElement.value") == "j"
    admin.press("Escape")
    admin.press("?")
    assert admin.run("document.querySelector('#keys').open")
    admin.click("#keys button")
    admin.press("j")
    before = admin.loads
    admin.press("Enter")
    admin.await_load(before)
    assert admin.run("location.pathname").startswith("/dashboard/jobs/")


def test_it_works_without_scripts(scene: Scene, page: Page) -> None:
    job_id = scene.dead_letter()
    page.scripts(run=False)
    page.open(f"{scene.url}/dashboard/jobs/{job_id}")
    # The protocol's own expressions run all the same.
    page.write("#token", scene.admin_token)
    page.submit(".login button")
    page.submit(".actions button.main")

    assert "1 job runs again." in page.text()


@pytest.mark.parametrize(
    "path",
    ["/", "/dead", "/queues/integration-sync?state=failed", "/schedules", "/lines", "/lists", "/messages?show=latest"],
)
def test_nothing_is_wider_than_a_phone(scene: Scene, admin: Page, path: str) -> None:
    scene.dead_letter(workspace="w" * 120)
    admin.size(360, 740, phone=True)

    admin.open(f"{scene.url}/dashboard{path}")

    assert admin.run("document.documentElement.scrollWidth") <= 360


def test_plots_are_drawn_of_what_happens(scene: Scene, admin: Page) -> None:
    for _ in range(5):
        scene.dead_letter()
    loads = admin.loads

    admin.wait(lambda: admin.run("document.querySelectorAll('.curve:not(.still)').length") > 0, "a plot is drawn")

    assert "no worker" in admin.text()
    assert "1 worker" in admin.text()
    assert admin.loads == loads


def test_what_failed_of_a_list_is_asked_about_again_and_the_rest_is_a_file(scene: Scene, admin: Page) -> None:
    run = scene.finished_run(30, unknown=4)
    admin.open(f"{scene.url}/dashboard/lists")
    assert "30 leads" in admin.text()
    admin.open(f"{scene.url}/dashboard/lists/{run}?outcome=unknown")
    assert admin.run("document.querySelectorAll('tbody tr').length") == 4
    file = admin.run("fetch(document.querySelector('a[download]').href).then(answer => answer.text())")
    assert file.count("unknown") == 4

    admin.submit(".actions button.main")

    assert "4 leads are asked about again, by this run." in admin.text()
    admin.wait(lambda: "completed" in admin.text(), "the new run ends")
    admin.open(f"{scene.url}/dashboard/lists/{run}")
    admin.click(".actions button.main")
    admin.wait(lambda: "Every lead of this list is answered." in admin.text(), "nothing is left")


def test_an_integration_shows_what_it_refused_and_is_synced_now(scene: Scene, admin: Page) -> None:
    integration, run = set_integrations(scene.database, datetime.now(UTC))
    admin.open(f"{scene.url}/dashboard/integrations/{integration}/runs/{run}")
    assert "the row was left out" in admin.text()
    assert "<script>" in admin.text()
    assert admin.run("document.querySelectorAll('#main script, #main img').length") == 0

    admin.open(f"{scene.url}/dashboard/integrations/{integration}")
    admin.submit(".actions button.main")

    assert "A sync is on its way." in admin.text()
    assert scene.database[JOBS].count_documents({"data.integrationId": integration, "data.workspaceId": "acme"}) == 1


def test_a_person_decides_about_a_message_and_sees_its_history(scene: Scene, admin: Page) -> None:
    set_messages(scene.database, datetime.now(UTC))
    admin.open(f"{scene.url}/dashboard/messages")
    waiting = admin.run("document.querySelectorAll('article').length")
    admin.open(f"{scene.url}/dashboard/messages?to=grace@example.com&workspace=acme")
    admin.submit("article h2 a")
    assert "Nobody knows whether it went out" in admin.text()
    assert admin.run("document.title") != "owned"

    admin.submit(".actions button.main")

    assert "The message counts as sent." in admin.text()
    assert "A person decided" in admin.text()
    admin.open(f"{scene.url}/dashboard/messages")
    assert admin.run("document.querySelectorAll('article').length") == waiting - 1


def test_a_schedule_is_run_now(scene: Scene, admin: Page) -> None:
    admin.open(f"{scene.url}/dashboard/schedules")

    admin.submit("article form button")

    assert "runs now, beside its ticks" in admin.text()
    assert "health-check" in admin.run("document.title")


def test_a_token_of_a_workspace_shows_that_workspace_alone(scene: Scene, page: Page) -> None:
    theirs = scene.dead_letter(workspace="acme")
    page.open(f"{scene.url}/dashboard/lines")
    page.write("#token", DEMO_TOKEN)
    page.submit(".login button")
    assert "Simulator 1" in page.text()
    assert "workspace demo" in page.text()

    for path in ("/", "/dead", "/queues/integration-sync?state=failed", "/messages?show=latest", "/integrations"):
        page.open(f"{scene.url}/dashboard{path}")
        assert "acme" not in page.text()
        assert theirs not in page.text()
        assert page.run("document.querySelectorAll('#main form[method=post]').length") == 0
    page.open(f"{scene.url}/dashboard/jobs/{theirs}")
    assert "There is no job" in page.text()
    # The browser writes the page that is not there to its console.
    assert [complaint for complaint in page.complaints if "404" not in complaint] == []
    page.complaints.clear()


def test_letters_lead_to_pages(scene: Scene, admin: Page) -> None:
    for letter, path in (("r", "/lists"), ("i", "/integrations"), ("o", "/")):
        before = admin.loads
        admin.press("g")
        admin.press(letter)
        admin.await_load(before)
        assert admin.run("location.pathname") == f"/dashboard{path}"


def test_a_queue_of_ten_thousand_jobs_opens_as_quickly_as_any(scene: Scene, admin: Page) -> None:
    for _ in range(10):
        wishes = [
            {
                "jobType": "integration-sync",
                "data": {"integrationId": str(ObjectId()), "workspaceId": "acme"},
                "options": {"delayMs": 3_600_000},
            }
            for _ in range(1_000)
        ]
        scene.api.post("/api/bullmq/jobs/batch", json={"jobs": wishes}).raise_for_status()

    began = time.monotonic()
    admin.open(f"{scene.url}/dashboard/queues/integration-sync?state=delayed")
    took = time.monotonic() - began

    assert admin.run("document.querySelectorAll('tbody tr').length") == 50
    assert "10\u202f000" in admin.text()
    assert took < 2


def test_logging_out_ends_it(scene: Scene, admin: Page) -> None:
    admin.submit(".foot button")
    admin.open(f"{scene.url}/dashboard/")

    assert admin.run("location.pathname") == "/dashboard/login"
