"""Runs the one service of this image in this process: `start.py --queue QUEUE` is `python -m services.X --queue QUEUE`.

An image's entry point cannot name the build argument, and a shell in between would have to pass signals on.
"""

import os
import runpy
import sys

if __name__ == "__main__":
    runpy.run_module(f"services.{os.environ['SERVICE']}", run_name="__main__", alter_sys=True)
    sys.exit(0)
