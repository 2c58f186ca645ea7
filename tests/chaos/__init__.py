"""Faults against the whole system, and a count of what they cost: ``make chaos``."""
