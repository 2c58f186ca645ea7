"""Messaging: claims what is due and sends each message at most once, paced by what its line can bear.

``due`` claims, ``sending`` sends, ``lines``, ``retries`` and ``reconciliation`` are the rules it goes by.
"""
