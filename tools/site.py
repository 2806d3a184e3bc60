"""``python -m tools.site``: build the documentation's site of docs/ and the root's files; every warning is an error.

The Markdown files stay as GitHub shows them. A copy of them is what Sphinx reads: README.md becomes the front page, the
other files of the root become pages, and links between them are rewritten.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILD = ROOT / ".site"
# The order of the site. A page that is in no list fails the build: Sphinx warns about it.
SECTIONS = {
    "Use it": [
        "own-project", "discovery", "dependencies", "reload", "live-reload", "pages", "desk", "assistants", "watching",
        "opentelemetry", "synchronised-folders", "serving",
        "debugging", "editors", "devcontainer", "workspaces", "companions", "tls", "probes", "hosts", "security",
        "troubleshooting", "library", "deploy", "production", "publishing",
    ],
    "Reference": ["commands", "settings", "logging", "log-events", "serving", "container", "glossary"],
    "Evidence": ["compatibility", "benchmarks", "soak"],
    "The project": [
        "architecture", "packages", "modules", "processes", "newcomers-walk", "contributing", "changelog",
        "report-a-vulnerability", "code_of_conduct", "decisions/index",
    ],
}  # fmt: skip
# The files of the root, with their names on the site: docs/security.md is another page.
ROOT_FILES = {
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "report-a-vulnerability.md",
    "CODE_OF_CONDUCT.md": "code_of_conduct.md",
}
_LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))")
_CONF = """\
project = "wsgi-appliance"
author = copyright = "the wsgi-appliance maintainers"
extensions = ["myst_parser"]
root_doc = "index"
nitpicky = True
myst_heading_anchors = 4
myst_enable_extensions = ["deflist"]
html_theme = "furo"
html_title = "wsgi-appliance"
html_show_sphinx = False
html_copy_source = False
pygments_style = "friendly"
pygments_dark_style = "monokai"
"""


def page_of(target: str) -> str:
    """Convert a link of a root file for the site: ``docs/reload.md#x`` to ``reload.md#x``; ``LICENSE`` stays."""
    path, mark, anchor = target.partition("#")
    if path in {"docs/decisions/", "docs/decisions", "docs/decisions/README.md"}:
        path = "decisions/index.md"
    elif path.startswith("docs/"):
        path = path.removeprefix("docs/")
    elif path in ROOT_FILES:
        path = ROOT_FILES[path]
    elif path == "README.md":
        path = "index.md"
    return path + mark + anchor


def stage(source: Path) -> None:
    """Write the pages for Sphinx into ``source``."""
    shutil.copytree(ROOT / "docs", source)
    for name, name_on_site in ROOT_FILES.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        (source / name_on_site).write_text(_LINK.sub(lambda link: page_of(link[0]), text), encoding="utf-8")
    readme = _LINK.sub(lambda link: page_of(link[0]), (ROOT / "README.md").read_text(encoding="utf-8"))
    trees = "".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(pages) + "\n```\n"
        for caption, pages in SECTIONS.items()
    )
    (source / "index.md").write_text(readme + trees, encoding="utf-8")
    (source / "license.md").write_text(
        "---\norphan: true\n---\n# License\n\n" + (ROOT / "LICENSE").read_text(encoding="utf-8"), encoding="utf-8"
    )
    decisions = source / "decisions" / "index.md"
    (source / "decisions" / "README.md").rename(decisions)
    with decisions.open("a", encoding="utf-8") as file:
        file.write("\n```{toctree}\n:hidden:\n:glob:\n\n0*\n```\n")
    for page in source.rglob("*.md"):  # links from a page of docs/ to a file of the root
        text = page.read_text(encoding="utf-8")
        page.write_text(_LINK.sub(lambda link: _upward(link[0]), text), encoding="utf-8")
    (source / "conf.py").write_text(_CONF, encoding="utf-8")


def _upward(target: str) -> str:
    return page_of(target.removeprefix("../")) if target.startswith("../") else target


def main() -> int:
    """Build the site into .site/html and return Sphinx's exit status."""
    shutil.rmtree(BUILD, ignore_errors=True)
    stage(BUILD / "source")
    argv = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    return subprocess.run([*argv, str(BUILD / "source"), str(BUILD / "html")], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
