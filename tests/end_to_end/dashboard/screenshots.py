"""`make screenshots`: a picture of each page of the dashboard, light, dark and on a phone, with real data.

python -m tests.end_to_end.dashboard.screenshots FOLDER
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from tests.end_to_end.dashboard.browser import Page, browsing, program
from tests.end_to_end.dashboard.stage import DEMO_TOKEN, Scene, playing, set_scene
from tests.waiting import wait_until

NOWHERE = "/jobs/nothing"
_POINTS = "document.querySelector('.curve:not(.still) polyline')?.getAttribute('points').split(' ').length ?? 0"
_LOOKS = (("light", 1280, 860, False), ("dark", 1280, 860, False), ("phone", 390, 844, True))


def main(folder: Path) -> None:
    """Takes the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with playing() as scene, browsing() as browser, browser.page() as page:
        jobs = set_scene(scene)
        page.size(1280, 860)
        page.open(f"{scene.url}/dashboard/")
        page.picture(folder / "login.light.png")
        page.write("#token", scene.admin_token)
        page.submit(".login button")
        _wait_for_work(scene, page, jobs["run"])
        for name, path in _pages(jobs).items():
            for look, width, height, phone in _LOOKS:
                page.size(width, height, phone=phone)
                page.scheme("dark" if look == "dark" else "light")
                page.open(f"{scene.url}/dashboard{path}")
                page.picture(folder / f"{name}.{look}.png")
        page.submit(".foot button")
        page.write("#token", DEMO_TOKEN)
        page.submit(".login button")
        for look, width, height, phone in _LOOKS:
            page.size(width, height, phone=phone)
            page.scheme("dark" if look == "dark" else "light")
            page.open(f"{scene.url}/dashboard/")
            page.picture(folder / f"workspace.{look}.png")
        unforeseen = [complaint for complaint in page.complaints if NOWHERE not in complaint]
        if unforeseen:
            raise AssertionError(f"the browser complained: {unforeseen}")
    sys.stdout.write(f"{len(list(folder.glob('*.png')))} pictures are in {folder}\n")


def _wait_for_work(scene: Scene, page: Page, run: str) -> None:
    """Lets the run get going, so that rates and progress have something to show."""
    wait_until(
        lambda: ((scene.job(run).get("progress") or {}).get("checked") or 0) > 200,
        deadline_s=60,
        message="the run gets going",
        interval_s=0.3,
    )
    # A plot needs a few points: the gateway adds one every five seconds.
    page.wait(lambda: page.run(_POINTS) > 8, "the plot has some points", deadline_s=60)


def _pages(jobs: Mapping[str, str]) -> dict[str, str]:
    return {
        "job-running": f"/jobs/{jobs['run']}",
        "list-running": f"/lists/{jobs['run']}",
        "lists": "/lists",
        "overview": "/",
        "queue": "/queues/bulk-availability",
        "queue-dead": "/queues/integration-sync?state=failed",
        "queue-delayed": "/queues/integration-sync?state=delayed",
        "job-dead": f"/jobs/{jobs['dead']}",
        "job-delayed": f"/jobs/{jobs['delayed']}",
        "dead": "/dead",
        "list-done": f"/lists/{jobs['done']}",
        "messages": "/messages",
        "messages-latest": "/messages?show=latest",
        "message": f"/messages/{jobs['message']}",
        "lines": "/lines",
        "integrations": "/integrations",
        "integration": f"/integrations/{jobs['integration']}",
        "sync-run": f"/integrations/{jobs['integration']}/runs/{jobs['sync_run']}",
        "schedules": "/schedules",
        "no-such-job": NOWHERE,
    }


if __name__ == "__main__":
    if program() is None:
        sys.exit("The pictures are taken with Chromium, which is not installed. On Debian: apt-get install chromium")
    if len(sys.argv) != 2:
        sys.exit("Say where the pictures go: make screenshots OUT=folder")
    main(Path(sys.argv[1]))
