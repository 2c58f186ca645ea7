"""One installation and one browser for all tests of the dashboard in a browser."""

from collections.abc import Iterator

import pytest

from tests.end_to_end.dashboard.browser import Page, browsing, program
from tests.end_to_end.dashboard.stage import Scene, playing


@pytest.fixture(scope="session")
def scene() -> Iterator[Scene]:
    """A whole installation."""
    if program() is None:
        pytest.skip("Chromium is not installed; on Debian: apt-get install chromium")
    with playing() as scene:
        yield scene


@pytest.fixture
def page(scene: Scene) -> Iterator[Page]:
    """A page of a new browser in which nobody has logged in; it must have nothing to complain of at the end."""
    with browsing() as page:
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
