"""`python -m deploy.grafana.generate`: writes the boards' JSON, which Grafana and the cluster read."""

import json
import sys
from pathlib import Path
from typing import Final

from deploy.grafana.definitions import BOARDS

FOLDER: Final = Path(__file__).resolve().parent / "boards"


def generated_boards() -> dict[str, str]:
    """Each board's text by its file's name."""
    return {f"{board.name}.json": json.dumps(board.document(), indent=2, ensure_ascii=False) + "\n" for board in BOARDS}


def main() -> int:
    """Writes what differs; answers the exit status."""
    for name, text in generated_boards().items():
        path = FOLDER / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            sys.stdout.write(f"{path.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
