"""The documentation: every page has its place, every link leads somewhere, what is generated is what the code makes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import commands, site

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / ".github").rglob("*.md"), *(ROOT / "docs").rglob("*.md")])
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def name(path):
    """A path as this repository's."""
    return str(path.relative_to(ROOT))


def anchors(path):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_links_lead_somewhere(path):
    """Each link to a file or a heading of this repository has its end."""
    for link in _LINK.findall(_CODE.sub("", path.read_text(encoding="utf-8"))):
        if "://" in link or link.startswith("mailto:"):
            continue
        file, _, anchor = link.partition("#")
        end = (path.parent / file).resolve() if file else path
        assert end.exists(), f"{name(path)}: {link}"
        assert not anchor or anchor in anchors(end), f"{name(path)}: {link}"


def test_the_commands_are_the_command_lines():
    """docs/commands.md is what the command line's grammar makes; python -m tools.commands makes it."""
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == commands.page()


def test_every_page_has_its_place_on_the_site():
    """Each page of docs/ stands in a section of the site, and each section names pages that are there."""
    placed = {page for pages in site.SECTIONS.values() for page in pages}
    made = {Path(file).stem.lower() for file in site.ROOT_FILES} | {"decisions/index"}
    assert placed - made == {path.stem for path in (ROOT / "docs").glob("*.md")}


def test_the_site_builds(tmp_path):
    """Sphinx builds the site with every warning an error, and it can be searched."""
    site.stage(tmp_path / "source")
    argv = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", tmp_path / "source", tmp_path / "html"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "html" / "search.html").exists()
    assert (tmp_path / "html" / "searchindex.js").stat().st_size > 10_000
