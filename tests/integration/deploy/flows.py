"""Reads network policies as a cluster does: who may open a connection to whom.

The rules are Kubernetes's (https://kubernetes.io/docs/concepts/services-networking/network-policies/): a pod that a
policy selects for a direction may do in that direction only what some policy allows, and both ends have to allow it.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Peer:
    """One end of a connection.

    Args:
        labels: the pod's; empty for what is no pod of the namespace.
        namespace: its namespace; empty for an address outside the cluster.
        address: where it is, if outside.
    """

    labels: Labels = field(default_factory=dict)
    namespace: str = "tuco-jobs"
    address: str = ""


class Policies:
    """The network policies of one namespace.

    Args:
        policies: the manifests.
        ports: what named ports stand for, by the pod's name.
    """

    def __init__(self, policies: Sequence[Mapping[str, Any]], ports: Mapping[str, int]) -> None:
        self._specs = [policy["spec"] for policy in policies]
        self._ports = ports

    def allow(self, source: Peer, target: Peer, port: int, protocol: str = "TCP") -> bool:
        """Whether a connection may be opened."""
        named = self._ports.get(target.labels.get("app.kubernetes.io/name", ""))
        return self._passes("Egress", source, target, port, named, protocol) and self._passes(
            "Ingress", target, source, port, named, protocol
        )

    def _passes(self, direction: str, own: Peer, other: Peer, port: int, named: int | None, protocol: str) -> bool:
        if own.namespace != "tuco-jobs":
            return True
        specs = [
            spec
            for spec in self._specs
            if direction in spec["policyTypes"] and _selects(spec["podSelector"], own.labels)
        ]
        rules = [rule for spec in specs for rule in spec.get(direction.lower(), [])]
        key = "to" if direction == "Egress" else "from"
        return not specs or any(
            _peer_matches(rule.get(key), other) and _port_matches(rule.get("ports"), port, named, protocol)
            for rule in rules
        )


def _peer_matches(peers: Sequence[Mapping[str, Any]] | None, other: Peer) -> bool:
    return peers is None or any(_one_matches(peer, other) for peer in peers)


def _one_matches(peer: Mapping[str, Any], other: Peer) -> bool:
    if "ipBlock" in peer:
        return bool(other.address) and _in_block(peer["ipBlock"], other.address)
    if other.address:
        return False
    if "namespaceSelector" in peer:
        in_namespace = _selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": other.namespace})
    else:
        in_namespace = other.namespace == "tuco-jobs"
    return in_namespace and _selects(peer.get("podSelector", {}), other.labels)


def _in_block(block: Mapping[str, Any], address: str) -> bool:
    where = ipaddress.ip_address(address)
    return where in ipaddress.ip_network(block["cidr"]) and not any(
        where in ipaddress.ip_network(exception) for exception in block.get("except", [])
    )


def _port_matches(ports: Sequence[Mapping[str, Any]] | None, port: int, named: int | None, protocol: str) -> bool:
    if ports is None:
        return True
    for each in ports:
        first = named if isinstance(each["port"], str) else each["port"]
        last = each.get("endPort", first)
        if each.get("protocol", "TCP") == protocol and first is not None and first <= port <= last:
            return True
    return False


def _selects(selector: Mapping[str, Any], labels: Labels) -> bool:
    if any(labels.get(name) != value for name, value in selector.get("matchLabels", {}).items()):
        return False
    for expression in selector.get("matchExpressions", []):
        inside = labels.get(expression["key"]) in expression["values"]
        if inside != (expression["operator"] == "In"):
            return False
    return True
