"""The facts that both sides share."""

import sys

import pytest

from appliance.conventions import BACKPORTS, REMOVED_MODULES
from appliance.environment.failures.backports import backport_of
from appliance.server.pages.advice.missing_dependencies import backport


@pytest.mark.parametrize("module", sorted(REMOVED_MODULES))
def test_a_removed_module_is_gone_from_its_version_on(module):
    """The standard library of this Python has a removed module only if it is older than the version that lacks it."""
    minor = int(REMOVED_MODULES[module].partition(".")[2])
    assert (module in sys.stdlib_module_names) is (sys.version_info < (3, minor))


@pytest.mark.parametrize("module", sorted(REMOVED_MODULES))
def test_both_sides_name_the_same_backport(module):
    """The backport that the supervisor installs for a removed module is the one that the page advises."""
    requirement = BACKPORTS.get(module, "")
    assert backport_of(f"No module named {module!r}") == ((module, requirement) if requirement else ("", ""))
    assert backport(module) == requirement
