"""`python -m services.messaging --queue QUEUE`: work until SIGTERM."""

import sys

from services.messaging.bootstrap import COMMAND

if __name__ == "__main__":
    sys.exit(COMMAND.main())
