"""`python -m services.availability --queue QUEUE`: work until SIGTERM."""

import sys

from services.availability.bootstrap import COMMAND

if __name__ == "__main__":
    sys.exit(COMMAND.main())
