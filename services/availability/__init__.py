"""The availability service: which leads can be reached by iMessage (queues `bulk-availability`, `health-check`)."""
