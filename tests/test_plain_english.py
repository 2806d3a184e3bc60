"""Plain English: a list of words that readers of English as a third language read twice, and plain ones for them."""

import ast
import io
import re
import tokenize
from functools import cache
from pathlib import Path

import pytest

from tests.parsed_files import nodes

ROOT = Path(__file__).parents[1]
# A pattern of whole words, and what to write instead. A word in backticks is a name, and is not looked at.
PLAIN = {
    r"all the same": "still, anyway",
    r"anew": "again",
    r"at rest": "idle",
    r"bears?|borne": "has, carries, contains",
    r"but for": "except for",
    r"comes? along": "is included",
    r"crew": "threads, thread pool",
    r"farewell": "close, end",
    r"for ever": "forever, without end",
    r"for good": "permanently",
    r"for (?:who|whoever|whom)": "for a client that, for people who",
    r"for want of": "because there is no",
    r"gauge": "check, measurement",
    r"gives? way|giving way": "is ignored if",
    r"heed(?:s|ed|ing)?": "respect",
    r"(?:is|are|be|was|were) to be \w+(?:ed|d|en|t)": "must be, will be, available",
    r"in earnest": "really",
    r"in silence": "silently",
    r"in vain": "without success",
    r"(?:it|that|this|what|which) is (?-i:none|no)\b(?! longer)": "is not a",
    r"kin": "and similar",
    r"lest": "so that ... not",
    r"lives? on": "keeps running",
    r"mend(?:s|ed|ing)?": "fix, repair, correct",
    r"news": "message, event",
    r"nought|naught": "nothing, zero",
    r"parted by": "separated by",
    r"put down to": "attributed to",
    r"sane": "valid",
    r"sees? to it": "ensure",
    r"shall": "must, will",
    r"swallow(?:s|ed|ing)?": "hide, ignore",
    r"taken for": "treated as, mistaken for",
    r"thereby|whereby|hence|thence|whence|hither|thither": "so, from there",
    r"to be had": "available",
    r"to the letter": "exactly",
    r"told so": "told that ...",
    r"unasked": "without being asked",
    r"unto|upon": "on, to",
    r"wants": "needs, asks for",
    r"where(?:in|of|on|to|with)": "in which, of which",
    r"whichever": "the one that",
    r"whoever|whomever": "anyone who, the client that",
    r"wish(?:es)?": "request, requirement",
    r"with a word": "with a message",
}
# Things that have something behind them; a time, a text and a sequence have something after them.
PLACES = r"(?:[\w'-]+ ){0,4}(?:prox|link|pipe|gateway|event|view|service|page|failure)"
# The same, each with what may stand around it and keep it clear.
IN_SENTENCES = {
    r"and (?:said|told)(?=[.,;:]|$)": "and reported, and named, and shown",
    r"as ever": "as usual, unchanged",
    r"concerns? nobody": "is ignored",
    r"no more(?=[.,;:]|$)": "no longer, stop ...ing",
    r"(?:is|are) (?:said|told)(?=\s(?:by|in|once|when|with)\b|[.,;:]|$)": "is reported, is logged, is named, is shown",
    r"nothing, (?:if|where)": "no action is needed if",
    r"(?:is|are|was|were) \w+ so rarely|in so long": "at most once in this time",
    rf"behind (?!{PLACES})(?:an?|all|another|any|each|it|its|one|the|their|them|what)": "after",
    r"besides": "except, in addition to, also",
    r"(?<!there )(?:is|are|was|were) no (?!longer|one|more|less)\w+": "is not a",
    r"of the day": "recorded, current",
    r"stands? on": "uses",
    r"tells? of|told of": "reports, is about",
    r"where (?:(?:it|that) is (?:missing|not known)|there (?:is|are) (?:none|one)|(?:none|nothing|neither) is)": "if",
}
DISCOURAGED = re.compile(rf"\b(?:{'|'.join([*PLAIN, *IN_SENTENCES])})\b", re.IGNORECASE)
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(path for path in (ROOT / ".github").rglob("*") if path.suffix in {".md", ".yml"}),
        *(ROOT / ".devcontainer").iterdir(),
        *(ROOT / "appliance" / "templates").rglob("*.*"),
        *(ROOT / name for name in (".env.example", ".pre-commit-config.yaml", "Dockerfile", "Makefile")),
        *(ROOT / name for name in ("docker-compose.yml", "pyproject.toml")),
        ROOT / "appliance" / "templates" / "devcontainer" / "Dockerfile",
    ]
)
PACKAGES = sorted(path.parent for path in (ROOT / "appliance").rglob("__init__.py"))
# Of a test only the docstrings: its comments and data may quote what others write.
TESTS = sorted(path for path in (ROOT / "tests").rglob("*.py") if "apps" not in path.parts)
MODULES = [
    *(module for package in PACKAGES for module in sorted(package.glob("*.py"))),
    *sorted((ROOT / "tools").glob("*.py")),
    *sorted((ROOT / "examples").rglob("*.py")),
]


WITH_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def name(path):
    """A path as this repository's."""
    return str(path.relative_to(ROOT))


def discouraged(text):
    """The discouraged words of a text, each with the plain ones."""
    text = re.sub(r"```.*?```|``.*?``|`[^`\n]*`", "` `", text, flags=re.DOTALL)
    known = PLAIN | IN_SENTENCES
    for found in DISCOURAGED.finditer(text):
        before = text[: found.end()]
        plain = next(plain for word, plain in known.items() if re.search(rf"\b(?:{word})$", before, re.IGNORECASE))
        around = " ".join(text[max(0, found.start() - 40) : found.end() + 30].split())
        yield f"{found[0]!r}, plain: {plain!r}, in: ...{around}..."


@cache
def docstrings(path):
    """The docstrings of a module, in the order of its nodes."""
    return [ast.get_docstring(node) or "" for node in nodes(path) if isinstance(node, WITH_DOCSTRING)]


def names(nodes):
    """The names that a module gives to functions, classes, arguments, variables and attributes, as words."""
    for node in nodes:
        match node:
            case ast.FunctionDef(name=found) | ast.AsyncFunctionDef(name=found) | ast.ClassDef(name=found):
                yield words(found)
            case ast.arg(arg=found) | ast.Name(id=found, ctx=ast.Store()) | ast.Attribute(attr=found, ctx=ast.Store()):
                yield words(found)


def words(name):
    """A name of Python's as words: ``no_thread`` and ``NoThread`` become ``no thread``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.replace("_", " "))


@cache
def prose(path):
    """The docstrings and comments of a module."""
    lines = io.StringIO(path.read_text(encoding="utf-8")).readline
    comments = [token.string for token in tokenize.generate_tokens(lines) if token.type == tokenize.COMMENT]
    return [*docstrings(path), *comments]


def not_plain(paths, texts):
    """The discouraged words of each file that has some, from the function that reads a file's texts."""
    return {
        name(path): found for path in paths if (found := [each for text in texts(path) for each in discouraged(text)])
    }


def test_pages_are_plain_english():
    """No page, form or comment of a configuration file has a discouraged word."""
    assert len(PAGES) > 50
    assert not_plain(PAGES, lambda path: [path.read_text(encoding="utf-8")]) == {}


def test_docstrings_and_comments_are_plain_english():
    """No docstring or comment has a discouraged word."""
    assert not_plain(MODULES, prose) == {}


def test_docstrings_of_tests_are_plain_english():
    """No docstring of a test has a discouraged word."""
    assert not_plain(TESTS, docstrings) == {}


def test_names_are_plain_english():
    """No name of a function, class, argument, variable or attribute has a discouraged word."""
    assert not_plain([*MODULES, *TESTS], lambda path: set(names(nodes(path)))) == {}


def test_values_are_named_by_their_content():
    """No name of the package says how its value came and not which it is: ``told`` is an answer, a status, a field."""
    found = {name(path): set(names(nodes(path))) & {"told", "heard", "said"} for path in MODULES}
    assert {file: empty for file, empty in found.items() if empty} == {}


def test_each_file_is_reported():
    """The discouraged words of a file are reported with its name, and files without any are not."""
    texts = {PAGES[0]: ["fine", "read anew"], PAGES[1]: ["fine"]}
    assert list(not_plain(texts, texts.get)) == [name(PAGES[0])]


def test_discouraged_names_are_found():
    """Names of each kind are split into their words."""
    source = "class OldNews:\n def in_vain(self, wish):\n  self.for_ever = kin = renewed = self.anew"
    assert [len(list(discouraged(text))) for text in names(ast.walk(ast.parse(source)))].count(1) == 5


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("It is read anew, and mended.", 2),
        ("A page is to be had for who asks.", 2),
        ("No interpreter is to be found.", 1),
        ("`anew`, ``kin`` and\n```\nwhoever\n```\nare names.", 0),
        ("What is no module is left out; it is none.", 2),
        ("It is no longer read; there is no module, and none is needed.", 0),
        ("It is read again, and fixed: renewed, remended.", 0),
        ("This is no error, and None where it is missing; it stands on requests, as ever.", 4),
        ("There is no error where it looks; it stands on the page.", 1),
        ("Its end is told once, its name is said; it is ended and told.", 3),
        ("It is told that it is served; names are told apart, and what is said to a client stays.", 0),
        ("It waits behind the last hook, and behind a pipe; behind its reverse proxy nothing is left behind.", 1),
    ],
)
def test_discouraged_words_are_found(text, count):
    """Whole words are found in prose, in any case and inflection; names in backticks are left alone."""
    assert len(list(discouraged(text))) == count


# A docstring opens with a verb and the noun that it acts on, not with a pronoun or a clause in place of that noun.
WITHOUT_NOUN = re.compile(r"(?!Let |Note that )\w+ (?:\w+ )?(?:all of )?(?:it|them|those|what)\b(?!s )")
# A docstring names what it is about: a clause in the place of a noun has to be read twice.
WITH_CLAUSE = re.compile(r"(?:What|Whatever|Where)\b")
# The subject of a sentence is named in it: a reader of a list of docstrings does not see the code beside it.
WITHOUT_SUBJECT = re.compile(r"(?:It|Its|They|Their|He|His|She|Her|Those|So many|That)\b")


def test_docstrings_open_with_a_noun():
    """No docstring begins "Close it" or "Send what waits": lines, bytes, messages and connections have these names."""
    opened = {
        name(path): [text for text in docstrings(path) if WITHOUT_NOUN.match(text)] for path in [*MODULES, *TESTS]
    }
    assert {path: texts for path, texts in opened.items() if texts} == {}


def test_docstrings_name_their_subject():
    """No docstring begins "Its name is used" or "They end": it says whose name, and which processes."""
    opened = {
        name(path): [text for text in docstrings(path) if WITHOUT_SUBJECT.match(text)] for path in [*MODULES, *TESTS]
    }
    assert {path: texts for path, texts in opened.items() if texts} == {}


def test_docstrings_do_not_begin_with_a_clause():
    """No docstring begins "What waits is sent" or "Where nothing waits": bytes are sent, if there are any."""
    opened = {name(path): [text for text in docstrings(path) if WITH_CLAUSE.match(text)] for path in [*MODULES, *TESTS]}
    assert {path: texts for path, texts in opened.items() if texts} == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [("Send what waits.", True), ("Close it.", True), ("Send all of it, now.", True), ("Return what comes next.", True),
     ("Handle what came with the start.", True), ("Find out what decides.", True), ("Close a connection.", False),
     ("Note that it is open.", False), ("Return the bytes that it has sent.", False)],
)  # fmt: skip
def test_openings_without_a_noun_are_found(text, found):
    """A pronoun or a clause in the place of the noun is found, and nothing else."""
    assert (WITHOUT_NOUN.match(text) is not None) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [("Its name is used.", True), ("It ends.", True), ("So many checks pass.", True), ("Items are sent.", False),
     ("That", True), ("Itself alone.", False)],
)  # fmt: skip
def test_openings_without_a_subject_are_found(text, found):
    """A pronoun in the place of the subject is found, and no word that begins like one."""
    assert (WITHOUT_SUBJECT.match(text) is not None) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [("What waits is sent.", True), ("Whatever comes is read.", True), ("Where it fails, it ends.", True),
     ("Whether it is open.", False), ("The bytes that wait are sent.", False)],
)  # fmt: skip
def test_openings_with_a_clause_are_found(text, found):
    """A clause in the place of the subject is found, and no word that begins like its pronoun."""
    assert (WITH_CLAUSE.match(text) is not None) == found
