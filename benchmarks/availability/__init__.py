"""Bulk availability, end to end."""
