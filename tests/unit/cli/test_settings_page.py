"""The page of settings is made from the settings."""

from libs.cli.settings_page import PAGE, settings_page


def test_the_page_is_that_of_the_settings() -> None:
    assert PAGE.read_text() == settings_page(), "stale page; write it with: python -m libs.cli.settings_page"


def test_every_setting_has_its_words_and_its_default() -> None:
    page = settings_page()

    assert "|  |" not in page.replace("|  |\n", "\n"), "a setting without a meaning"
    assert "| `LEASE_MS` | How long a worker may be silent before its jobs run elsewhere. | `15000` |" in page
    assert "| `REDIS_URL` |" in page
    assert "| secret |" in page
