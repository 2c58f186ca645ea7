"""MongoDB, the truth: how to reach it, which collections there are, and what is read and written where."""
