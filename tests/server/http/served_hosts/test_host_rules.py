"""The table of hosts that are served without a setting."""

from __future__ import annotations

import pytest

from appliance.server.http.served_hosts.host_rules import HOST_RULES, HostRule
from appliance.server.http.served_hosts.hosts import AllowedHosts, is_host


@pytest.mark.parametrize("rule", HOST_RULES, ids=lambda rule: rule.meaning[:40])
def test_a_rule_allows_its_own_examples(rule: HostRule):
    """Each example of a rule is a valid host that its own pattern matches, with a port and in upper case too."""
    allows = AllowedHosts()
    for example in rule.examples:
        assert rule.pattern.fullmatch(example)
        assert is_host(f"{example}:8000")
        assert allows(f"{example.upper()}:8000")
        assert allows(f"{example}.")


@pytest.mark.parametrize("name", ["web", "tasks.stack_web", "stack_web", "shop.dev.svc", "shop.dev.svc.cluster.local",
    "web-0.shop.dev.svc.cluster.local", "10-42-0-7.dev.pod.cluster.local", "shop.default", "shop.pr-12", "shop.team1",
    "shop-7d9f-abcde", "10.42.0.7:8081"])  # fmt: skip
def test_names_of_clusters_are_served(name: str):
    """The names of services, tasks and pods of Kubernetes and Swarm, and the kubelet's Host, need no setting."""
    assert AllowedHosts()(name)


@pytest.mark.parametrize(
    "name",
    ["evil.dev", "tasks.app", "tasks.web", "shop.test-shop.com", "a.xn--p1ai", "svc.evil.com", "xsvc.evil",
     "shop.dev.svc.cluster.local.evil.com", "evil.com.svc.attacker.net", "evil.local", "svc.cluster.local.io",
     "cluster.local", "shop.svc.local", "a.default.com", "a.b.default", "default.shop", "1.2.3.4.nip.io", "team-a.dev",
     "a.1", "a.0x7f", "127.0.0.1.evil.org", "10-42-0-7.dev.pod.evil.io", "-.svc.dev", "..svc", ".svc", "a..b-c"],
)  # fmt: skip
def test_names_that_others_can_publish_are_not_served(name: str):
    """A name below a domain of the public DNS needs a setting, whatever part of a cluster's name it contains."""
    assert not AllowedHosts()(name)
    assert AllowedHosts([name])(name)
