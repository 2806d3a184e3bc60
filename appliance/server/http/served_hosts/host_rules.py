"""The table of hosts that are served without a setting, each with the reason why no other site can have its name.

A rebinding attack needs a name that the attacker publishes in a DNS that the developer's browser asks. So a rule may
allow only names that no outsider can publish: either the public DNS has no zone for them, or only a trusted party
writes that zone. Rules do not depend on the environment: the same names are served on a laptop, in a cluster and in a
workspace. To add a rule, add a row, and run ``python -m tools.hosts``, which writes the table of docs/hosts.md.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# A label of the DNS as it is used: letters, digits, hyphens, and the underscore of Swarm's service names.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"


class HostRule(NamedTuple):
    """One kind of name.

    Attributes:
        pattern: matches the whole name, in lower case, without port and trailing dot.
        meaning: what has such names.
        examples: names that it allows.
        reason: why no other site can publish such a name.
    """

    pattern: re.Pattern[str]
    meaning: str
    examples: tuple[str, ...]
    reason: str


HOST_RULES: tuple[HostRule, ...] = (
    HostRule(
        re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[0-9a-f:.]+(?:%.*)?\]"),
        "an address: a published port, a pod's IP, the kubelet's probes",
        ("127.0.0.1", "10.42.0.7", "[fd00::7]"),
        "an address is not resolved",
    ),
    HostRule(
        re.compile(r"(?:.+\.)?localhost"),
        "this machine",
        ("localhost", "shop.localhost"),
        "every resolver answers with the loopback address (RFC 6761, 6.3)",
    ),
    HostRule(
        re.compile(r"[^.]+"),
        "one label: a service of compose, Swarm or the same Kubernetes namespace, a container's or a pod's name",
        ("shop", "stack_web", "shop-6d4f9c7b8-x2x7q"),
        "only a local resolver or a search domain completes it",
    ),
    HostRule(
        re.compile(r"(?:host|gateway)\.docker\.internal|host\.containers\.internal"),
        "the engine's own names of the host, of Docker and Podman",
        ("host.docker.internal", "host.containers.internal"),
        "`.internal` is reserved for private use, and the engine answers",
    ),
    HostRule(
        re.compile(rf"(?:{_LABEL}\.)+svc"),
        "a service of a Kubernetes cluster",
        ("shop.dev.svc", "web-0.shop.dev.svc"),
        "the public DNS has no zone `svc`",
    ),
    HostRule(
        re.compile(rf"(?:{_LABEL}\.)+(?:svc|pod)\.cluster\.local"),
        "a service or a pod of a Kubernetes cluster, in full",
        ("shop.dev.svc.cluster.local", "10-42-0-7.dev.pod.cluster.local"),
        "the public DNS never has `.local` (RFC 6762, 3)",
    ),
    HostRule(
        re.compile(rf"{_LABEL}\.default"),
        "a service of Kubernetes' namespace `default`",
        ("shop.default",),
        "the public DNS has no zone `default`",
    ),
    HostRule(
        re.compile(rf"(?:{_LABEL}\.)+(?=[a-z]*[0-9_-])(?!xn--)(?![0-9]+\Z)(?!0x){_LABEL}"),
        "a last label with a digit, a hyphen or an underscore: a namespace such as `team-a`, a service of Swarm",
        ("shop.team-a", "shop.pr-12", "tasks.stack_web"),
        "a label of the root zone has letters alone (RFC 1123, 2.1), or begins with `xn--`",
    ),
)


def is_local_name(name: str) -> bool:
    """Whether a rule allows this name, in lower case, without port and trailing dot."""
    return any(rule.pattern.fullmatch(name) for rule in HOST_RULES)
