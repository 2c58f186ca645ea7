"""The sync service on a real MongoDB, and its sources on the CRMs' stand-ins."""
