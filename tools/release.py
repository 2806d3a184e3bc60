"""``python -m tools.release``: the steps of a release. ``prepare VERSION``, ``check TAG``, ``notes TAG``, ``build``.

The version is in ``appliance/__init__.py``, in the image's label and in the dev container Feature; CHANGELOG.md has a
section for each release.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from packaging.version import InvalidVersion, Version

from tools.feature import ARCHIVE, FEATURE, archive

ROOT = Path(__file__).parents[1]
_UNRELEASED = "## [Unreleased]"
_VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
_FEATURE = re.compile(r'(?<="version": ")[^"]+(?=",\n  "name")')
_LABEL = re.compile(r'(?<=image\.version=")[^"]+')


class ReleaseError(Exception):
    """No release can be made from this tree; the message says why."""


def current() -> str:
    """Return the package's version."""
    found = _VERSION.search((ROOT / "appliance" / "__init__.py").read_text(encoding="utf-8"))
    if found is None:
        raise ReleaseError('appliance/__init__.py has no line __version__ = "..."')
    return found[1]


def notes(version: str) -> str:
    """Return the changelog's section for a version.

    Raises:
        ReleaseError: the section is missing or empty.
    """
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## \[|\Z)", changelog, re.MULTILINE | re.DOTALL)
    if found is None or not found[1].strip():
        raise ReleaseError(f"CHANGELOG.md has no section [{version}] with text")
    return found[1].strip() + "\n"


def check(tag: str) -> None:
    """Compare a tag with the versions in the tree.

    Raises:
        ReleaseError: they differ.
    """
    version = tag.removeprefix("v")
    if tag != f"v{current()}":
        raise ReleaseError(
            f"the tag is {tag}, and appliance/__init__.py says {current()}: expected the tag v{current()}"
        )
    label = _LABEL.search((ROOT / "Dockerfile").read_text(encoding="utf-8"))
    if label is None or label[0] != version:
        raise ReleaseError(f"the Dockerfile's label says {label[0] if label else 'nothing'}: expected {version}")
    feature = _FEATURE.search((ROOT / FEATURE / "devcontainer-feature.json").read_text(encoding="utf-8"))
    if feature is None or feature[0] != version:
        raise ReleaseError(f"the Feature says {feature[0] if feature else 'nothing'}: expected {version}")
    notes(version)


def prepare(version: str) -> None:
    """Write the version into the package, the image's label and the changelog, without committing.

    Raises:
        ReleaseError: the version is invalid or not newer, or the changelog has nothing to release.
    """
    try:
        if Version(version) <= Version(current()):
            raise ReleaseError(f"found version {version}: expected one that is newer than {current()}")
    except InvalidVersion:
        raise ReleaseError(f"found version {version!r}: expected one such as 0.3.0 (PEP 440)") from None
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    unreleased = changelog.partition(_UNRELEASED)[2].partition("\n## [")[0]
    if not unreleased.strip():
        raise ReleaseError("CHANGELOG.md has nothing under [Unreleased]")
    today = datetime.now(UTC).date().isoformat()
    changelog = changelog.replace(_UNRELEASED, f"{_UNRELEASED}\n\n## [{version}] - {today}", 1)
    (ROOT / "CHANGELOG.md").write_text(changelog, encoding="utf-8")
    for name, pattern, text in (
        ("appliance/__init__.py", _VERSION, f'__version__ = "{version}"'),
        ("Dockerfile", _LABEL, version),
        (f"{FEATURE}/devcontainer-feature.json", _FEATURE, version),
    ):
        path = ROOT / name
        path.write_text(pattern.sub(text, path.read_text(encoding="utf-8"), count=1), encoding="utf-8")


def build() -> None:
    """Build the distributions, their SBOM (CycloneDX) and the packed Feature into dist/."""
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    bin_folder = Path(sys.executable).parent
    subprocess.run([bin_folder / "uv", "build", "--out-dir", "dist"], cwd=ROOT, check=True)
    argv = [
        "requirements",
        "locks/appliance.txt",
        "--output-file",
        "dist/sbom.cdx.json",
        "--pyproject",
        "pyproject.toml",
    ]
    subprocess.run([bin_folder / "cyclonedx-py", *argv], cwd=ROOT, check=True)
    archive(ROOT / "dist" / ARCHIVE)
    (ROOT / "dist" / ".gitignore").unlink(missing_ok=True)


def main(argv: list[str]) -> int:
    """Run one step and return the exit status."""
    try:
        match argv:
            case ["prepare", version]:
                prepare(version)
                sys.stdout.write(
                    f"Wrote version {version}. Read the change, then:\n"
                    f"  git commit --all --message 'Release {version}'\n"
                    f"  git tag --annotate v{version} --message v{version}\n"
                    f"  git push --follow-tags\n"
                )
            case ["check", tag]:
                check(tag)
            case ["notes", tag]:
                sys.stdout.write(notes(tag.removeprefix("v")))
            case ["build"]:
                build()
            case _:
                sys.stderr.write(f"{__doc__}\n")
                return 2
    except ReleaseError as error:
        sys.stderr.write(f"No release: {error}.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
