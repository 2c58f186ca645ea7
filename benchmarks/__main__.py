"""``python -m benchmarks [NAME [OPTION ...]]``: runs one benchmark, or each of them in turn."""

import importlib.util
import subprocess
import sys
from collections.abc import Sequence

NAMES = ("queue", "scheduled_messages", "sync", "dashboard")
"""Each is a module of this package that runs by itself."""


def main(arguments: Sequence[str]) -> int:
    """Runs them; answers the first exit status that is not 0."""
    there = [name for name in NAMES if importlib.util.find_spec(f"benchmarks.{name}")]
    if arguments and arguments[0].replace("-", "_") not in there:
        sys.stderr.write(f"There is no benchmark {arguments[0]}; there are: {', '.join(there)}\n")
        return 2
    chosen = [arguments[0].replace("-", "_")] if arguments else there
    statuses = [subprocess.call([sys.executable, "-m", f"benchmarks.{name}", *arguments[1:]]) for name in chosen]
    return next((status for status in statuses if status), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
