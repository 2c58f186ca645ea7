"""The queues that are compared: one file and one class each, all with the same few methods."""
