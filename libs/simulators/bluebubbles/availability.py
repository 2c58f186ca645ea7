"""Who can be reached through the simulated lines, for those who compare answers with the rule."""

from libs.simulators.reachability import AvailabilityRule, Reachability

__all__ = ["AvailabilityRule", "Reachability"]
