"""Syncs under fire."""
