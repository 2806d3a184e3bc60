"""The packages that Poetry would install here, by its lock alone."""

import tomllib

import pytest

from appliance.dependencies.formats.dependency_spec import DependencySpec
from appliance.dependencies.formats.poetry_lock import read_pins

# Packages as locks of 1.1 to 2.1 write them: two versions of one for different Pythons, an extra, a marker, a group.
LOCK = """
[[package]]
name = "Tea"
version = "2.0"
optional = false
python-versions = ">=3.8"
groups = ["main"]
files = [{file = "tea.whl", hash = "sha256:aa"}, {file = "tea.tar.gz", hash = "sha256:bb"}]
[package.dependencies]
leaf = [{version = ">=1", markers = "python_version < '3.12'"}, {version = ">=2", markers = "python_version >= '3.12'"}]
sugar = {version = "*", optional = true, markers = "extra == 'sweet'"}
milk = {version = "*", optional = true}
tempfix = {version = "*", markers = "python_full_version < '3.11.3'"}
winter = {version = "*", markers = "sys_platform == 'win32'"}
[package.extras]
sweet = ["sugar"]
white = ["milk (>=1)"]

[[package]]
name = "leaf"
version = "1.5"
optional = false
python-versions = "<3.12"
files = []
[[package]]
name = "leaf"
version = "2.5"
optional = false
python-versions = ">=3.12"
files = []
[[package]]
name = "sugar"
version = "1"
optional = true
python-versions = "*"
[[package]]
name = "milk"
version = "1"
optional = true
python-versions = "*"
[[package]]
name = "tempfix"
version = "1"
optional = false
python-versions = "*"
[[package]]
name = "winter"
version = "1"
optional = false
python-versions = "*"
[[package]]
name = "pot"
version = "1"
optional = false
python-versions = "^3.8 || ~2.7"
[package.source]
type = "git"
url = "https://x.test/pot.git"
reference = "main"
resolved_reference = "abc"
[[package]]
name = "cup"
version = "1"
optional = false
python-versions = "*"
[package.source]
type = "legacy"
url = "https://index.test/simple"
reference = "ours"
[metadata.files]
cup = [{file = "cup.whl", hash = "sha256:cc"}]
"""


def lines(*specs, python="3.12"):
    return sorted(line.partition(" --")[0] for line in read_pins(tomllib.loads(LOCK), specs, python).lines)


@pytest.mark.parametrize(
    ("specs", "python", "pins"),
    [
        (DependencySpec("tea"), "3.12", ["Tea==2.0", "leaf==2.5"]),
        (DependencySpec("tea"), "3.11", ["Tea==2.0", "leaf==1.5", "tempfix==1"]),
        (DependencySpec("TEA", extras=("sweet",)), "3.12", ["Tea==2.0", "leaf==2.5", "sugar==1"]),
        (DependencySpec("tea", extras=("white",)), "3.12", ["Tea==2.0", "leaf==2.5", "milk==1"]),
        (DependencySpec("tea", marker="python_version < '3'"), "3.12", []),
        (DependencySpec("pot"), "3.12", ["pot @ git+https://x.test/pot.git@abc"]),
        (DependencySpec("gone"), "3.12", []),
    ],
)
def test_only_reached_packages_are_locked(specs, python, pins):
    """Direct and indirect dependencies are locked, if the marker, the Python and the extra include them."""
    assert lines(specs, python=python) == sorted(pins)


def test_every_hash_is_kept_and_other_indexes_are_named():
    """Every file's hash is kept, of old locks too, and an index that is not PyPI is named."""
    pins = read_pins(tomllib.loads(LOCK), [DependencySpec("cup"), DependencySpec("tea")], "3.12")
    assert "Tea==2.0 --hash=sha256:aa --hash=sha256:bb" in pins.lines
    assert "cup==1 --hash=sha256:cc" in pins.lines
    assert pins.indexes == ("--extra-index-url https://index.test/simple",)


def test_a_poetry_lock_alone_gives_all_that_no_extra_needs():
    """A lock alone gives all that no extra alone needs."""
    names = {line.partition("==")[0] for line in read_pins(tomllib.loads(LOCK), None, "3.12").lines}
    assert {"Tea", "leaf", "tempfix"} <= names
    assert not {"sugar", "milk"} & names
