"""The contracts of all job types: typed payloads, queues, defaults and uniqueness.

A job type is one module here with a :class:`~libs.common.jobs.contract.JobContract`; the registry finds it.
"""
