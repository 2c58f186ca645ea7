"""Traces: the way of a request through gateway, queue, workers and provider calls, sent to an OpenTelemetry collector.

Off by default. Then nothing of OpenTelemetry is imported, and what could be traced looks at one attribute
(:mod:`libs.common.tracing.switch`). When on, a job carries its trace context, in the form of W3C's Trace Context, among
its message's options, so that each attempt of it and each of its children is part of the trace of who asked for it.
"""
