"""The ledger of accepted jobs in MongoDB: what was promised, what became of it, and who brings it back to the queue.

A job is in the ledger before its acceptance is answered; :mod:`libs.common.ledger.reconciler` enqueues again whatever
is accepted, unfinished and unknown to Redis. :class:`libs.common.ledger.contract.Ledger` says what a ledger does.
"""
