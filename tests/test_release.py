"""A release: the version, the label and the changelog say the same, and the tag is held to them."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

import appliance
from tools import release

ROOT = Path(__file__).parents[1]


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A copy of the files that a release is written into."""
    feature = "features/appliance/devcontainer-feature.json"
    for name in ("CHANGELOG.md", "Dockerfile", "appliance/__init__.py", feature):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.setattr(release, "ROOT", tmp_path)
    changelog = tmp_path / "CHANGELOG.md"
    text = re.sub(
        r"(?<=## \[Unreleased\]\n).*?(?=^## |\Z)",
        "\n### Added\n\n- Tea.\n\n",
        changelog.read_text(),
        count=1,
        flags=re.DOTALL | re.MULTILINE,
    )
    changelog.write_text(text)
    return tmp_path


def test_a_prepared_release_is_what_its_tag_says(tree):
    """After ``prepare`` the tag of that version is accepted, and its notes are what was unreleased."""
    release.prepare("99.0.0")
    release.check("v99.0.0")
    assert release.notes("99.0.0") == "### Added\n\n- Tea.\n"


@pytest.mark.parametrize(("version", "why"), [("0.0.1", "newer"), ("tea", "PEP 440")])
def test_a_version_that_makes_no_sense_is_refused(tree, version, why):
    """A version that is older, or none, changes nothing and is refused with the reason."""
    before = (tree / "CHANGELOG.md").read_text()
    with pytest.raises(release.ReleaseError, match=why):
        release.prepare(version)
    assert (tree / "CHANGELOG.md").read_text() == before


def test_this_tree_is_what_its_own_tag_would_say():
    """The versions of package, label and Feature and the changelog's newest section agree; another tag is refused."""
    release.check(f"v{appliance.__version__}")
    with pytest.raises(release.ReleaseError, match="expected the tag"):
        release.check("v98.0.0")


def test_nothing_to_release_is_reported(tree):
    """A changelog without anything unreleased makes no release."""
    release.prepare("99.0.0")
    with pytest.raises(release.ReleaseError, match="nothing under"):
        release.prepare("99.0.1")


def test_the_published_tags_are_those_of_the_workflow():
    """docs/publishing.md names each tag that the release's workflow pushes, for both targets."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))
    image = workflow["jobs"]["image"]
    (given,) = (step["with"] for step in image["steps"] if "metadata-action" in step.get("uses", ""))
    version = {"{{version}}": "0.3.0", "{{major}}.{{minor}}": "0.3"}
    tags = [version[line.partition("pattern=")[2]] for line in given["tags"].split()]
    assert "latest=auto" in given["flavor"]
    suffixes = [each["suffix"] for each in image["strategy"]["matrix"]["include"]]
    pushed = {f"{tag}{suffix}" for tag in (*tags, "latest") for suffix in suffixes}
    page = (ROOT / "docs" / "publishing.md").read_text(encoding="utf-8").partition("| tag |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([^`]+)`", page)) == pushed
