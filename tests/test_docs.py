"""The documentation: every page has its place, every link leads somewhere, what is generated is what the code makes."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.logs.events import EVENTS
from appliance.logs.render.log_fields import ALWAYS
from appliance.protocol import messages
from appliance.server.wsgi.access_log.request_ids import RequestIds
from tests.parsed_files import parsed
from tests.thorough import THOROUGH
from tools import pages, site, tests_of

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / ".github").rglob("*.md"), *(ROOT / "docs").rglob("*.md")])
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


# Of a package within another, decisions and comments name the last part only: ``preloading/preload_states``.
PARENTS: dict[str, list[Path]] = {}
for _init in sorted((ROOT / "appliance").glob("*/**/__init__.py")):
    PARENTS.setdefault(_init.parent.name, []).append(_init.parent.parent)
PACKAGES = "|".join(sorted(PARENTS))
_MODULE = re.compile(rf"(?<![\w/.<-])(?:appliance/)?((?:{PACKAGES})/[a-z_0-9/]*[a-z_0-9](?:\.\w+)?)(?![\w*<{{-])")
_FILE = re.compile(r"(?<![\w/.])((?:tests|tools|benchmarks|image|locks|examples)/[\w./-]*\w)")


WITHOUT_MODULE = {  # decisions that are about something else than a module of the appliance, each with what it is about
    2: "the packages that pyproject.toml names",
    15: "what was not built; decisions 62 and 64 followed",
    31: "the Dockerfile",
    35: "the tree of packages as a whole",
    40: "tests/server/scheduler.py",
    70: "which tests run when: tests/thorough.py",
}


def name(path):
    """A path as this repository's."""
    return str(path.relative_to(ROOT))


def is_there(path):
    """Whether a path that a page names exists: a file, a folder, or a module without its ending."""
    return path.exists() or path.with_suffix(".py").exists()


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


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_paths_lead_somewhere(path):
    """Each module, test and tool that a page names by its path is there."""
    text = path.read_text(encoding="utf-8")
    named = {
        module: [parent / module for parent in PARENTS[module.partition("/")[0]]] for module in _MODULE.findall(text)
    }
    named |= {file: [ROOT / file, path.parent / file] for file in _FILE.findall(text)}
    lost = {text for text, ends in named.items() if not any(is_there(end) for end in ends)}
    assert lost == set()


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_shown_log_lines_are_those_of_the_log(path):
    """Each log line that a page shows has an event, fields and a form of request ids that the code makes, too."""
    made = re.sub("[0-9a-f]+", "x", RequestIds().new())
    for line in re.findall(r'^\{"timestamp".*$', path.read_text(encoding="utf-8"), re.MULTILINE):
        shown = json.loads(line)
        assert set(shown) <= {*ALWAYS, *EVENTS[shown["event"]].fields}
        assert re.sub("[0-9a-f]+", "x", shown.get("request_id", made)) == made


def test_the_newcomers_walk_answers_with_modules():
    """docs/newcomers-walk.md asks questions, and answers each with the path of a module."""
    text = (ROOT / "docs" / "newcomers-walk.md").read_text(encoding="utf-8")
    rows = [row for row in text.splitlines() if "? |" in row]
    assert len(rows) >= 10
    assert all(re.search(r"`appliance/[\w/]+\.py`", row) for row in rows)


def first_modules():
    """Return the section of docs/newcomers-walk.md about the modules to read first."""
    return (ROOT / "docs" / "newcomers-walk.md").read_text(encoding="utf-8").partition("## Read these twelve")[2]


def test_the_modules_to_read_first_are_as_long_as_it_says():
    """docs/newcomers-walk.md names twelve modules to read first, and their lines in thousands."""
    text = first_modules()
    modules = re.findall(r"^\| `([\w/]+)` \|", text, re.MULTILINE)
    assert len(modules) == 12
    files = [ROOT / "appliance" / f"{module}.py" for module in modules]
    total = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)
    assert f"About {round(total, -3):,} lines" in text


def test_the_functions_to_skip_at_first_are_there():
    """Each name that docs/newcomers-walk.md lets a newcomer skip is one of its module."""
    for module, skipped in re.findall(r"^\| `([\w/]+)` \|.*\| ([^|]*) \|$", first_modules(), re.MULTILINE):
        code = (ROOT / "appliance" / f"{module}.py").read_text(encoding="utf-8")
        own = {name for name in re.findall(r"`(\w+)`", skipped) if not re.search(rf"\b{name}\b", code)}
        assert own == set(), module


def test_the_messages_are_those_of_the_protocol():
    """docs/processes.md names each message between the processes, and no other."""
    text = (ROOT / "docs" / "processes.md").read_text(encoding="utf-8")
    table = text.partition("| from | to |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`([A-Z]\w+)`", table))
    assert named == {message.__name__ for message in messages.KINDS.values()}


def test_each_table_of_decisions_is_on_its_page():
    """docs/processes.md names each table of states and events, and all have one suffix."""
    page = (ROOT / "docs" / "processes.md").read_text(encoding="utf-8")
    tables = [
        str(path.relative_to(ROOT / "appliance").with_suffix(""))
        for path in (ROOT / "appliance").rglob("*.py")
        if re.search(r"^ROWS\b", text := path.read_text(encoding="utf-8"), re.MULTILINE)
        and re.search(r"^def step\b|\bsteps_of\b", text, re.MULTILINE)
    ]
    assert len(tables) > 11
    assert [table for table in tables if not table.endswith(("_states", "supervisor/lifecycle"))] == []
    assert [table for table in tables if f"`{table}" not in page] == []


def test_the_modules_that_are_not_tables_are_there():
    """The section on what is not a table names modules that exist."""
    section = (ROOT / "docs" / "processes.md").read_text(encoding="utf-8").partition("### Not tables")[2]
    named = [name.removesuffix(".py") for name in re.findall(r"`((?:\w+/)+\w+|pauses\.py)`", section)]
    assert len(named) > 15
    assert [name for name in named if not (ROOT / "appliance" / f"{name}.py").is_file()] == []


def test_each_page_is_linked_from_an_entrance():
    """The README, ARCHITECTURE.md and CONTRIBUTING.md together link each page of docs/."""
    entrances = [
        (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")
    ]
    pages = [page.name for page in (ROOT / "docs").glob("*.md")]
    assert [page for page in pages if not any(f"docs/{page}" in text for text in entrances)] == []


def test_the_architecture_is_one_page():
    """ARCHITECTURE.md stays short enough to be read at once: lists belong on pages of their own."""
    assert len((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines()) < 130


@pytest.mark.parametrize("page", sorted(pages.PAGES), ids=name)
def test_a_page_that_is_made_from_the_code_is_up_to_date(page):
    """Each page that is made from the code is what the code makes: make pages writes it."""
    assert page.read_text(encoding="utf-8") == pages.PAGES[page]()


def test_every_page_has_its_place_on_the_site():
    """Each page of docs/ stands in a section of the site, and each section names pages that are there."""
    placed = {page for pages in site.SECTIONS.values() for page in pages}
    made = {Path(page).stem for page in site.ROOT_FILES.values()} | {"decisions/index"}
    assert placed - made == {path.stem for path in (ROOT / "docs").glob("*.md")}


def test_the_numbers_of_decisions_have_no_gap():
    """Decisions are numbered from 1 on without a gap, and each title has the number of its file."""
    records = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert [record.name[:5] for record in records] == [f"{number:04}-" for number in range(1, len(records) + 1)]
    titles = [record.read_text(encoding="utf-8").partition(" ")[2].partition(".")[0] for record in records]
    assert titles == [str(number) for number in range(1, len(records) + 1)]


def test_the_index_of_decisions_names_each_with_its_title():
    """docs/decisions/README.md links to each decision once, with the number and the title of its page."""
    folder = ROOT / "docs" / "decisions"
    titles = {
        page.name: page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        for page in folder.glob("[0-9]*.md")
    }
    links = re.findall(r"^- \[(.+)\]\((\S+)\)$", (folder / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted((file, title) for title, file in links) == sorted(titles.items())


def test_each_decision_is_named_by_a_module():
    """The first docstring of a module names each decision, except those that are not about one of our modules."""
    numbers = {int(record.name[:4]) for record in (ROOT / "docs" / "decisions").glob("[0-9]*.md")}
    named_so = r"\b[Dd]ecisions? (\d+(?: and \d+)?)"
    named = {
        path: {int(number) for text in re.findall(named_so, opening) for number in re.findall(r"\d+", text)}
        for path in (ROOT / "appliance").rglob("*.py")
        if (opening := ast.get_docstring(parsed(path)))
    }
    assert {name(path): found - numbers for path, found in named.items() if found - numbers} == {}
    assert numbers.difference(*named.values()) == set(WITHOUT_MODULE)


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md")), ids=name)
def test_a_decision_says_its_cost_and_what_would_change_it(page):
    """Each decision says what it costs and what would change it, or a reader can't judge it later."""
    text = page.read_text(encoding="utf-8")
    assert "**Cost.**" in text
    assert "**Would change our mind.**" in text


def is_named_test(path, test=""):
    """Whether a path exists, and has the test that is named after it, if one is."""
    return (ROOT / path).exists() and (not test or f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"))


def test_the_tests_of_a_module_are_there():
    """Each path in the table of a module's tests exists, the module's and the tests'."""
    named = {*tests_of.TESTS, *(path for paths in tests_of.TESTS.values() for path in paths)}
    assert {path for path in named if not is_named_test(*path.split("::"))} == set()


def test_a_module_without_a_row_has_the_tests_that_import_it():
    """tools.tests_of finds the tests of a module that its table does not name, by their imports."""
    assert tests_of.files_of("appliance/watch/burst.py") == ["tests/watch/test_burst.py"]


@pytest.mark.whole
def test_the_site_builds(tmp_path):
    """Sphinx resolves every page with every warning an error; in the long form it makes a site that can be searched."""
    builder = "html" if THOROUGH else "dummy"
    site.stage(tmp_path / "source")
    argv = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", builder, tmp_path / "source", tmp_path / "html"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    if THOROUGH:
        assert (tmp_path / "html" / "search.html").exists()
        assert (tmp_path / "html" / "searchindex.js").stat().st_size > 10_000
