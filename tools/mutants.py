"""``python -m tools.mutants [MODULE ...]``: change the code in small ways, and list the changes that no test notices.

Runs mutmut on a copy in ``.mutants``, with the tests that ``tools.tests_of`` names for a module. A mutant that passes
the tests is given to mypy, as ``make check`` does. A mutant that survives, that changes more than a sentence's letters,
and that ``tests/mutants/survivors.toml`` does not explain is printed as a diff, and makes the exit status 1.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tools.tests_of import TESTS, row_of

ROOT = Path(__file__).parents[1]
COPY = ROOT / ".mutants"
EXPLAINED = ROOT / "tests" / "mutants" / "survivors.toml"
COPIED = ("appliance", "tests", "docs", "tools", "examples", "pyproject.toml")
SETTINGS = """

[tool.mutmut]
source_paths = ["appliance"]
only_mutate = {modules}
also_copy = {copied}
pytest_add_cli_args_test_selection = {tests}
pytest_add_cli_args = ["-p", "no:cacheprovider", "--timeout", "10"]
use_git_change_detection = false
"""

# Appended to the copy's conftest.py: an example that fails kills the mutant, and need not become a small one.
PROFILE = """
from hypothesis import Phase
phases = [Phase.explicit, Phase.generate]
settings.register_profile("mutants", deadline=None, max_examples=40, phases=phases, derandomize=True, database=None)
settings.load_profile("mutants")
"""
# Run in the copy: `mutmut show` starts an interpreter for each mutant, 2 s.
DIFFS = """
import json, sys
from mutmut.mutation.data import MutantLineSpans
from mutmut.mutation.diff_apply import find_mutant, generated_function_names, get_diff_for_mutant
def found(name):
    path = find_mutant(name).path
    both = generated_function_names(name)
    texts = MutantLineSpans.load(path).read_function_sources(list(both))
    own = both[0].removesuffix("__mutmut_orig")
    own = own.rpartition("\\u01c1")[2] if "\\u01c1" in own else own.removeprefix("x_")
    texts = [text.replace(each, own, 1) for each, text in zip(both, texts)]
    return [str(path), get_diff_for_mutant(name, path=path), *texts]
print(json.dumps({name: found(name) for name in json.load(sys.stdin)}))
"""
_TEXT = re.compile(r'("(?:[^"\\]|\\.)*")')
_REFUSED = re.compile(r"__mutant(\d+)\.py:\d+: error")

ANY = "*"
Change = tuple[str, str, str]  # the function, the line before, the line after


class Survivor(NamedTuple):
    """A mutant that no test notices: its module, what it changes, and its function before and after."""

    path: str
    diff: str
    before: str
    after: str


def prepare(modules: list[str]) -> None:
    """Copy the files that the tests need, and tell mutmut which modules to change."""
    shutil.rmtree(COPY, ignore_errors=True)
    COPY.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, COPY / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, COPY / name)
    with (COPY / "tests" / "conftest.py").open("a", encoding="utf-8") as file:
        file.write(PROFILE)
    tests = sorted({test for module in modules for test in row_of(module)})
    settings = SETTINGS.format(modules=modules, copied=[*COPIED[2:-1]], tests=tests)
    with (COPY / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(settings.replace("'", '"'))


def mutmut(*argv: str) -> str:
    """Run mutmut in the copy, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *argv], cwd=COPY, stdout=subprocess.PIPE, text=True, check=False
    )
    return done.stdout


def verdicts() -> dict[str, str]:
    """Return the outcome of each mutant, by mutmut's name for it: killed, survived, timeout, no tests.

    Code that a test runs in another process is not seen: it counts as untested.
    """
    lines = [line.strip().partition(": ") for line in mutmut("results", "--all", "true").splitlines()]
    return {name: verdict for name, found, verdict in lines if found}


def survivors(names: list[str]) -> dict[str, Survivor]:
    """Return the change of each mutant."""
    done = subprocess.run(
        [sys.executable, "-c", DIFFS], cwd=COPY, input=json.dumps(names), stdout=subprocess.PIPE, text=True, check=True
    )
    return {name: Survivor(*found) for name, found in json.loads(done.stdout).items()}


def refused(mutants: dict[str, Survivor]) -> set[str]:
    """Return the mutants that mypy refuses: each is a module of its own beside the changed one, in one run."""
    modules = {}
    for number, each in enumerate(mutants.values()):
        module = COPY / each.path
        text = module.read_text(encoding="utf-8")
        if text.count(each.before) == 1:
            modules[number] = module.with_name(f"{module.stem}__mutant{number}.py")
            modules[number].write_text(text.replace(each.before, each.after), encoding="utf-8")
    if not modules:
        return set()
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(ROOT / ".mypy_cache" / "mutants")]
    done = subprocess.run(
        [*command, *(str(module.relative_to(COPY)) for module in modules.values())],
        cwd=COPY, stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    for module in modules.values():
        module.unlink()
    names = list(mutants)
    return {names[int(number)] for number in _REFUSED.findall(done.stdout)}


def function(name: str) -> str:
    """Return the function of a mutant."""
    module, _, own = name.rpartition("__mutmut_")[0].rpartition(".")
    return f"{module}.{own.removeprefix('xǁ').removeprefix('x_').replace('ǁ', '.')}"


def change(name: str, diff: str) -> Change:
    """Return the change of a mutant."""
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++", "@@"))]
    before, after = ([line[1:].strip() for line in lines if line.startswith(sign)] for sign in "-+")
    return function(name), " ".join(before), " ".join(after)


def is_wording(before: str, after: str) -> bool:
    """Whether only letters of a sentence differ: a test for them would be the sentence, written twice.

    These are capitals, and an XX at the ends of a text of several words. A codec's name may have capitals too.
    """
    both = _TEXT.split(before), _TEXT.split(after)
    pieces = [(one, other) for one, other in zip(*both, strict=False) if one != other]
    if len(both[0]) != len(both[1]) or len(pieces) != 1:
        return False
    one, other = (each.casefold() for each in pieces[0])
    return one == '"utf-8"' == other or (" " in one and one.startswith('"') and other in {one, f'"xx{one[1:-1]}xx"'})


def explained(each: Change) -> bool:
    """Whether a change makes no difference that a test could notice: an entry without ``after`` is any of its line."""
    where, before, after = each
    return is_wording(before, after) or bool({each, (where, before, ANY)} & entries())


@cache
def entries() -> frozenset[Change]:
    """Return the mutants that the file explains."""
    table = tomllib.loads(EXPLAINED.read_text(encoding="utf-8"))
    return frozenset(
        (f"{module}.{each['function']}", each["before"], each.get("after", ANY))
        for module, group in table.items()
        for each in group
    )


def main(modules: list[str]) -> int:
    """Run the mutants, and print those that no test notices."""
    modules = [
        str(path.relative_to(ROOT))
        for name in modules or sorted(TESTS)
        for path in (sorted((ROOT / name).rglob("*.py")) if (ROOT / name).is_dir() else [ROOT / name])
    ]
    prepare(modules)
    print(f"{len(modules)} modules; see {COPY.name}/log while this runs")  # noqa: T201  a command's output
    output = mutmut("run", "--max-children", str(min(2, len(os.sched_getaffinity(0)))))
    (COPY / "log").write_text(output.replace("\r", "\n"), encoding="utf-8")
    all_of_them = verdicts()
    survived = survivors([name for name, each in all_of_them.items() if each == "survived"])
    all_of_them |= dict.fromkeys(refused(survived), "refused by mypy")
    found = {name: change(name, each.diff) for name, each in survived.items() if all_of_them[name] == "survived"}
    new = {name: each for name, each in found.items() if not explained(each)}
    for name, (where, before, after) in new.items():
        print(f"{name}\n  {where}\n  - {before}\n  + {after}")  # noqa: T201  as above
    for each in sorted({function(name) for name, verdict in all_of_them.items() if verdict == "no tests"}):
        print(f"no test calls {each} in this process")  # noqa: T201  as above
    for module in modules:
        own = [name for name in all_of_them if name.startswith(module.removesuffix(".py").replace("/", ".") + ".x")]
        counts = Counter("explained" if name in found and name not in new else all_of_them[name] for name in own)
        print(f"{module}: {len(own)} mutants;", ", ".join(f"{counts[each]} {each}" for each in sorted(counts)))  # noqa: T201  as above
    print(f"{len(new)} mutants survive and are not explained")  # noqa: T201  as above
    return 1 if new or not all_of_them else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
