"""A stand-in for HubSpot's CRM API. See `libs.simulators.hubspot.simulator`."""

from libs.simulators.hubspot.simulator import REAL_LIMITS, HubSpotSimulator, Limits, running_hubspot

__all__ = ["REAL_LIMITS", "HubSpotSimulator", "Limits", "running_hubspot"]
