"""Compares Tuco Jobs with its peers on one Redis: ``make bench-queue``.

:mod:`benchmarks.queue.rows` says what is measured; each peer is one file in :mod:`benchmarks.queue.peers` (BullMQ's is
in ``benchmarks/node``), run in processes of its own (:mod:`benchmarks.queue.child`).
"""
