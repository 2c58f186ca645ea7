"""A stand-in for Salesforce. See `libs.simulators.salesforce.simulator`."""

from libs.simulators.salesforce.simulator import SalesforceSimulator, running_salesforce

__all__ = ["SalesforceSimulator", "running_salesforce"]
