"""Messaging: claims what is due and sends each message at most once, paced by what its line can bear.

``due`` claims, ``sending`` sends, ``lines``, ``retries`` and ``reconciliation`` are the rules it goes by.
"""

from libs.common.worker.offer import offer_to_dramatiq

offer_to_dramatiq("services.messaging.bootstrap")
