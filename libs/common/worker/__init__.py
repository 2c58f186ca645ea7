"""Our worker: takes jobs in batches, runs them in threads or on an event loop, and acknowledges them in batches.

:mod:`libs.common.worker.process` runs one as a container's only process.
"""
