"""The dashboard as a person meets it: in a real browser, on a whole installation."""

import time

import pytest
from bson import ObjectId

from tests.end_to_end.dashboard.browser import Page
from tests.end_to_end.dashboard.stage import XSS, Scene
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


@pytest.mark.parametrize("path", ["/", "/dead", "/queues/integration-sync?state=failed", "/schedules", "/lines"])
def test_nothing_is_wider_than_a_phone(scene: Scene, admin: Page, path: str) -> None:
    scene.dead_letter(workspace="w" * 120)
    admin.size(360, 740, phone=True)

    admin.open(f"{scene.url}/dashboard{path}")

    assert admin.run("document.documentElement.scrollWidth") <= 360


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
