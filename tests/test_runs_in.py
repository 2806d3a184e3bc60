"""The processes of the code: the sentences "Runs in ..." are compared with what each process imports."""

import ast
import re

import pytest

from tests.parsed_files import parsed
from tests.process_imports import COMMANDS, ENTRIES, FILES, imported

# The words by which a sentence names a process.
WORDS = {
    "supervisor": r"\bsupervisor\b|PID 1",
    "worker": r"\b(?:workers?|snapshots?|preloaders?)\b",
    "stand-in": r"\bstand-in\b",
    "recorder": r"\brecorder\b",
    "exporter": r"\bexporter\b",
    "probe server": r"\bprobe server\b",
    "remedy": r"``apply_edit``",
    "guard": r"``companion_guard``",
    "library": r"(?<!standard )\blibrary\b",
    **{f"appliance {name}": rf"``appliance {name}``" for name in COMMANDS},
}
PACKAGES = {name for name, path in FILES.items() if path.name == "__init__.py"}
COMMAND = {f"appliance {name}" for name in COMMANDS}
SENTENCE = re.compile(r"(?<=\.)\s+")
RUNS = re.compile(r"\b[Rr]uns? (?:in|wherever)\b|is a process of its own")


def docstring(module):
    """The docstring of a module or a package, as one line."""
    return " ".join((ast.get_docstring(parsed(FILES[module])) or "").split())


def where(text):
    """The sentences of a text that say where the code runs."""
    return " ".join(each for each in SENTENCE.split(text) if RUNS.search(each))


def importing(name, *, later):
    """The processes that import a module, or one of a package's modules."""
    package = FILES[name].name == "__init__.py"
    modules = {each for each in FILES if each.rpartition(".")[0] == name} - PACKAGES if package else {name}
    return {each for each in ENTRIES if imported(each, later=later) & modules}


def faults(text, loaded, possible):
    """Return the faults of a text's sentences.

    ``loaded``: the processes that import the code at their start; ``possible``: those that may import it later, too.
    "Commands" are two or more commands, "every process" is each of them all.
    """
    said = where(text)
    named = {process for process, words in WORDS.items() if re.search(words, said)}
    missing = set() if "every process" in said else loaded - named
    wrong = sorted(f"never in: {each}" for each in named - possible)
    if re.search(r"\bcommands\b", said):
        missing -= COMMAND
        wrong += [] if len(possible & COMMAND) > 1 else ["never in commands"]
    return [*sorted(f"also in: {each}" for each in missing), *wrong]


def test_packages_run_where_they_say():
    """A package names each process that imports one of its modules at its start, and none that imports none of them."""
    found = {
        name: faults(docstring(name), importing(name, later=False), importing(name, later=True))
        for name in PACKAGES - {"__init__", "server"}  # both have only packages, which say it
    }
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_modules_run_where_they_say():
    """A module that names processes names each one that imports it at its start, and none that never imports it.

    It need not name commands: its package does.
    """
    texts = {name: docstring(name) for name in FILES.keys() - PACKAGES}
    found = {
        name: faults(text, importing(name, later=False) - COMMAND, importing(name, later=True))
        for name, text in texts.items()
        if re.search("|".join(WORDS.values()), where(text))
    }
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_no_sentence_is_vague():
    """A sentence that says where code runs names a process, a thread or a loop, and not an interpreter or readers."""
    texts = {name: where(docstring(name)) for name in FILES}
    named = re.compile(
        "|".join([*WORDS.values(), r"\bcommands?\b", r"\bprocess(?:es)?\b", r"\bthreads?\b", r"\bloop\b"])
    )
    assert {name: text for name, text in texts.items() if text and not named.search(text)} == {}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Does something. Runs in the recorder and in the stand-in.", []),
        ("Runs in the recorder.", ["also in: stand-in"]),
        ("Runs in the recorder; ``one`` runs in the stand-in too. It asks the supervisor.", []),
        ("Runs in the recorder, the stand-in and the supervisor.", ["never in: supervisor"]),
        ("Runs in every process.", []),
        ("Runs in the recorder, the stand-in and in commands.", ["never in commands"]),
        ("For the recorder.", ["also in: recorder", "also in: stand-in"]),
    ],
)
def test_false_sentences_are_found(text, wrong):
    """A process that is missing and one that is too many are found, in the sentences about where code runs alone."""
    assert faults(text, {"recorder", "stand-in"}, {"recorder", "stand-in", "appliance mcp"}) == wrong
