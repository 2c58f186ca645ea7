"""What a line, a workspace and a recipient can bear: limits, quiet hours, and the slots that messages wait for.

:mod:`~libs.common.budgets.slots` says in plain Python what the next free slot is; the scripts in ``scripts/`` do the
same in one atomic step in Redis, and a test holds the two against each other.
"""
