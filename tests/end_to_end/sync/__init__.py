"""Sync workers as processes, on a real Redis and MongoDB and the CRMs' stand-ins."""
