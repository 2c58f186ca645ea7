"""The availability service: which leads can be reached by iMessage (queues `bulk-availability`, `health-check`)."""

from libs.common.worker.offer import offer_to_dramatiq

offer_to_dramatiq("services.availability.bootstrap")
