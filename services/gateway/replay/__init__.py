"""Replaying messages: those of a filter that never went out are queued again, as a job."""
