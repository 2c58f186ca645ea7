"""The sync service: brings the rows of CRMs into a workspace's leads, queue ``integration-sync``."""

from libs.common.worker.offer import offer_to_dramatiq

offer_to_dramatiq("services.sync.bootstrap")
