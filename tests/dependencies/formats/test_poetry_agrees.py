"""Poetry's constraints are read by rules of ours; Poetry's own parser says of which versions they speak."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from poetry.core.constraints.version import Version, parse_constraint

from appliance.dependencies.formats.dependency_spec import alternatives, specifier

VERSIONS = (
    "0.0", "0.0.1", "0.0.3", "0.0.4", "0.1", "0.2.3", "0.2.9", "0.3", "0.3.0b1", "0.9", "1", "1.0.0b2", "1.0.0",
    "1.0.1", "1.0.post1", "1.1", "1.2", "1.2.3", "1.2.3.1", "1.2.3.post1", "1.2.4", "1.2.9", "1.3", "1.3.0a1", "1.4",
    "1.9.9", "2.0.0a1", "2", "2.0.1", "2.7.18", "3.0", "3.6.1", "3.8", "3.9.7", "3.10", "3.10.4", "3.11", "3.12.0rc1",
    "3.13.1", "4.0.0a1", "4", "4.1", "10", "2020.1", "1!1.0",
)  # fmt: skip
EXAMPLES = (
    "^1.2.3", "^1.2", "^1", "^0.2.3", "^0.0.3", "^0.0", "^0", "^0.0.0", "^1.0.0b2", "^1.2.3.4", "^1.2.3.post1",
    "^ 1.2", "^v1.2", " ^1.2 ", "^1.2-beta.1",
    "~1.2.3", "~1.2", "~1", "~0", "~0.0.3", "~1.2.3.4", "~=1.4", "~=1.4.2", "~= 1.4",
    "*", "*.*", "1.*", "1.2.*", "v1.2.3", "=1.2.3", "==1.2.3", "==1.2.*", "!=1.2.*", "!=1.2.3", "1.2.3", "1.2.3-alpha",
    ">=1.2", ">1.2", "<2", "<=1.2.3", ">=1.2.*", "<2.0.*", ">=1.0a", "1!1.0",
    ">= 1.2, < 1.5", ">=3.7 <4", ">=3.7,<4", ">1.2,!=1.3", ">=1.2.0 , <1.5", "^1.2  <1.4", "^1.2, !=1.3", "^1.2,<1.4",
    "~1.2 !=1.2.4", "!=1.2.*,>=1", "^1.2 , ^1.3", ">=2.7, !=3.0.*, !=3.1.*",
    "^2 || ^3", "^2||^3", "^2 | ^3", "~2.7 || ^3.6", "<1.2 || >=2", ">=3.8,<3.9 || >3.10", "1.2.3 || 1.2.9",
)  # fmt: skip

releases = st.lists(st.integers(0, 4), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
parts = st.builds(str.__add__, st.sampled_from(["^", "~", ">=", "<=", ">", "<", "==", "!=", ""]), releases)
constraints = st.lists(
    st.lists(parts, min_size=1, max_size=3).map(", ".join), min_size=1, max_size=3
).map(" || ".join)  # fmt: skip


def theirs(constraint):
    """The versions that Poetry admits."""
    parsed = parse_constraint(constraint)
    return {version for version in VERSIONS if parsed.allows(Version.parse(version))}


def ours(*specifiers):
    """The versions that one of these admits."""
    sets = [SpecifierSet(each) for each in specifiers]
    return {version for version in VERSIONS if any(each.contains(version, prereleases=True) for each in sets)}


@pytest.mark.parametrize("constraint", EXAMPLES)
def test_poetry_agrees_on_its_examples(constraint):
    """Each form that Poetry documents admits the versions that Poetry's own parser admits."""
    assert ours(*alternatives(constraint)) == theirs(constraint)


@given(constraints)
def test_any_constraint_admits_what_poetry_admits(constraint):
    """Signs, releases, lists and alternatives, however they are combined, admit what Poetry admits.

    Except for post-releases: "!=1" admits 1.post1 in Poetry, "<1 || >=1, !=1" does not.
    """
    differ = ours(*alternatives(constraint)) ^ theirs(constraint)
    assert {version for version in differ if "post" not in version} == set()


@given(constraints)
def test_a_chosen_alternative_admits_no_other_versions(constraint):
    """PEP 440 has no alternatives: the one that is taken admits no version that Poetry does not."""
    more = ours(specifier(constraint)) - theirs(constraint)
    assert {version for version in more if "post" not in version} == set()
