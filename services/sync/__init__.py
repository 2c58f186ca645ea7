"""The sync service: brings the rows of CRMs into a workspace's leads, queue ``integration-sync``."""
