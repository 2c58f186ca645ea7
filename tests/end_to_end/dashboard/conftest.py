"""One installation and one browser for all tests of the dashboard in a browser."""

from collections.abc import Iterator

import pytest

from tests.end_to_end.dashboard.browser import Browser, Page, browsing, program
from tests.end_to_end.dashboard.stage import Scene, playing


@pytest.fixture(scope="session")
def scene() -> Iterator[Scene]:
    """A whole installation."""
    if program() is None:
        pytest.skip("Chromium is not installed; on Debian: apt-get install chromium")
    with playing() as scene:
        yield scene


@pytest.fixture(scope="session")
def browser(scene: Scene) -> Iterator[Browser]:
    """A browser."""
    with browsing() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which nobody has logged in; it must have nothing to complain of at the end."""
    with browser.page() as page:
        page.size(1280, 860)
        yield page
        assert page.complaints == []


@pytest.fixture
def admin(scene: Scene, page: Page) -> Page:
    """The page of a person who may change everything, on the overview."""
    page.open(f"{scene.url}/dashboard/")
    page.write("#token", scene.admin_token)
    page.submit(".login button")
    return page
