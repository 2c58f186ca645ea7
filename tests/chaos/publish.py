"""``python -m tests.chaos.publish FOLDER``: put the tables that ``make chaos`` wrote into the documentation."""

import shutil
import sys
from pathlib import Path

from tests.chaos.report import JSON, MARKDOWN

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "chaos.md"
BEGIN, END = "<!-- the last run -->\n", "<!-- end of the last run -->\n"


def published(page: str, tables: str) -> str:
    """The page with these tables in place of those of an earlier run.

    Raises:
        ValueError: the page has no place for them.
    """
    before, found, rest = page.partition(BEGIN)
    _earlier, also_found, after = rest.partition(END)
    if not (found and also_found):
        raise ValueError(f"the page has no {BEGIN.strip()} and {END.strip()}")
    return f"{before}{BEGIN}\n{tables}\n{END}{after}"


def main(folder: Path) -> int:
    """Publish; answers the exit status."""
    PAGE.write_text(published(PAGE.read_text(), (folder / MARKDOWN).read_text()))
    shutil.copyfile(folder / JSON, PAGE.with_suffix(".json"))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
