"""Names of tests: each states what holds, with a finite verb. pytest prints names, so they read as a specification."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.parsed_files import nodes

TESTS = Path(__file__).parent
# The finite verbs of the names. A name with another verb fails the test below: add the verb here.
VERBS = """
    accept accepts acts adds admits agrees allows answers applies are arrive arrives ask asks become becomes
    begin begins belong belongs blocks boots breaks brings build builds calls can cannot cause causes change changed
    changes clears closes come comes compiles computes connects continues cost costs count counts cuts decides
    delay delays dies differ differs disables do does doubles doubts drains drop drops end ends equals exist
    expands extends fail fails find finds finish finishes fire fires fit fits follow follows forges forgets
    forms get gets give gives go goes had harms has have hears helps hides hinders hold holds hurts ignores
    imports includes installs is joins keep keeps kept kills knows lead leads learns leave leaves let lets lies
    links listens lists loads log logs looks lose loses make makes marks masks matches may mean means meet meets
    misses moves must name names navigates need needs occupies open opens outlives override pass passes pauses
    performs persist persists pin pins plays points precedes prints puts raise reach reaches reads redacts
    refreshes refuse refuses reloads renders repeats replaces report reports restarts returns rides run runs say
    says sees send sends serve serves sets settle share shortens show shows signals speaks stand stands start
    starts starve stay stays stop stops stores survive survives swaps sweeps synchronises take takes teaches
    tell tells times travels trusts turns undoes uses vanishes wait waits wake wakes was went were wins work
    works would write writes wrote
"""
# The verb of such a clause says which thing is meant, and not what holds of it: "a file that is missing".
CLAUSE = re.compile(
    r"_(?:that|which|who|what|whatever|how)_(?:(?:do|does|is|are|was|were|has|have|can|may)_)*(?:not_)?[a-z0-9]+"
)


def states(name):
    """Whether a name has a finite verb outside of a clause."""
    return not set(VERBS.split()).isdisjoint(CLAUSE.sub("", name).split("_"))


def subject_is_missing(name):
    """Whether the subject of a name stands elsewhere, in the file or in the docstring: ``test_all_is_sent``."""
    subject, verb = [*name.removeprefix("test_").split("_"), ""][:2]
    return subject in {"all", "anything", "both", "number", "one", "others"} and verb in VERBS.split()


def named():
    """Each test, as its file and its name."""
    for path in sorted(TESTS.rglob("test_*.py")):
        if "apps" not in path.parts:
            for node in nodes(path):
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                    yield str(path.relative_to(TESTS)), node.name


def test_names_of_tests_state_what_holds():
    """The name of each test has a finite verb: "a broken save shows its line", and not "a broken save"."""
    assert [f"{path}: {name}" for path, name in named() if not states(name)] == []


def test_names_of_tests_name_their_subject():
    """The name of each test says of which thing it holds: "sendall sends all bytes", and not "all is sent"."""
    assert [f"{path}: {name}" for path, name in named() if subject_is_missing(name)] == []
    assert subject_is_missing("test_all_is_sent")
    assert not subject_is_missing("test_all_bytes_are_sent")


def test_no_two_tests_have_one_name():
    """Each test has a name of its own, so a line of pytest's summary says which one it is."""
    counts = Counter(name for _, name in named())
    assert [name for name, count in counts.items() if count > 1] == []


@pytest.mark.parametrize(
    ("name", "stated"),
    [("test_a_missing_folder", False), ("test_a_file_that_is_missing", False), ("test_what_is_not_a_file", False),
     ("test_without_a_generation", False), ("test_a_list_that_does_not_fit", False),
     ("test_whatever_is_written", False), ("test_a_file_that_is_missing_is_reported", True),
     ("test_what_was_loaded_is_watched", True), ("test_chunks_arrive_in_order", True)],
)  # fmt: skip
def test_a_verb_counts_outside_of_a_clause(name, stated):
    """A noun phrase states nothing, whatever the verb of its clause is."""
    assert states(name) == stated
