"""The queue: a Dramatiq broker on Redis whose every state change is one atomic Lua script.

Start with :class:`libs.common.broker.queue.JobQueue` for adding and inspecting jobs, and
:mod:`libs.common.broker.actors` for running them.
"""
