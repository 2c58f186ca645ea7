"""The gateway under load."""
