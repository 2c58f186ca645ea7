"""`python -m services.sync --queue QUEUE`: work until SIGTERM."""

import sys

from services.sync.bootstrap import COMMAND

if __name__ == "__main__":
    sys.exit(COMMAND.main())
