"""Webhooks to the app: events of jobs and messages become signed calls, delivered through the queue.

:mod:`~services.gateway.webhooks.feed` reads what MongoDB has changed and writes one delivery per event and webhook;
:mod:`~services.gateway.webhooks.delivering` makes them. See docs/decisions/webhooks.md.
"""
