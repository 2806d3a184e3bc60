"""The processes that Procfile.dev and the table of pyproject.toml declare, and the reports about the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.supervisor.companions.process_files import MOST, Declared, Process, read_processes


def declared(folder: Path, procfile: str = "", toml: str = "", **options: tuple[str, ...]) -> Declared:
    """Return the processes that these files declare."""
    if procfile:
        (folder / "Procfile.dev").write_text(procfile, encoding="utf-8")
    if toml:
        (folder / "pyproject.toml").write_text(toml, encoding="utf-8")
    return read_processes(folder, **options)


def test_a_procfile_is_read_as_honcho_reads_it(tmp_path: Path):
    """Each line is a name and a command; blank lines and comments are none."""
    found = declared(tmp_path, "# all\n\nworker: celery -A shop worker # one\ncss:npx tailwindcss --watch  \n")
    assert found == Declared(
        (Process("worker", "celery -A shop worker # one"), Process("css", "npx tailwindcss --watch"))
    )


@pytest.mark.parametrize(
    "line",
    [
        "web: python manage.py runserver", "web: npm start", "app: python manage.py runserver_plus 8001",
        "server: flask --app shop run --debug", "a: flask run",
    ],
)  # fmt: skip
def test_what_serves_the_application_is_left_out(tmp_path: Path, line: str):
    """The entry web, and every entry that starts a framework's own development server, is named and not run."""
    found = declared(tmp_path, line)
    assert found == Declared(served=((line.partition(":")[0], line.partition(": ")[2]),))


@pytest.mark.parametrize("line", ["a: flask run-jobs", "b: flask shop runner", "c: uvicorn api:app --port 9000"])
def test_other_processes_are_run(tmp_path: Path, line: str):
    """Another command of Flask's, and another server, is a process like any other."""
    assert [each.name for each in declared(tmp_path, line).processes] == [line[0]]


def test_a_table_has_commands_and_tables(tmp_path: Path):
    """An entry of the table is a command, or a table with one, a folder, variables and whether it follows the code."""
    toml = """
[tool.appliance.processes]
worker = "celery -A shop worker"
css = {command = "npx tailwindcss", cwd = "frontend", env = {NODE_ENV = "development", PORT = 3000}, reload = true}
"""
    assert declared(tmp_path, toml=toml).processes == (
        Process("worker", "celery -A shop worker"),
        Process("css", "npx tailwindcss", "frontend", {"NODE_ENV": "development", "PORT": "3000"}, reload=True),
    )


def test_the_table_wins_over_the_procfile(tmp_path: Path):
    """A name in both files is the table's, which can say more; a server that the table names is run."""
    toml = '[tool.appliance.processes]\nb = "of the table"\nweb = "python manage.py runserver 9000"\n'
    found = declared(tmp_path, "a: of the procfile\nb: of the procfile\n", toml)
    assert [(each.name, each.command) for each in found.processes] == [
        ("a", "of the procfile"), ("b", "of the table"), ("web", "python manage.py runserver 9000"),
    ]  # fmt: skip


def test_names_choose_the_processes(tmp_path: Path):
    """COMPANIONS names the companions to run, or none, and COMPANIONS_RELOAD the ones that follow the code."""
    lines = "a: one\nb: two\n"
    assert [each.name for each in declared(tmp_path, lines, names=("b",)).processes] == ["b"]
    assert declared(tmp_path, lines, names=()) == Declared()
    assert [each.reload for each in declared(tmp_path, lines, reloaded=("a",)).processes] == [True, False]


def test_an_unknown_name_is_a_problem(tmp_path: Path):
    """A name that no file declares is reported with those that are; without processes there is no problem."""
    (problem,) = declared(tmp_path, "a: one\n", names=("a", "wroker")).problems
    assert "wroker" in problem.reason
    assert "are a." in problem.action
    (tmp_path / "Procfile.dev").unlink()
    assert read_processes(tmp_path, ("wroker",)) == Declared()


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: one\nno process\n", 2, "name: command"),
        ("a:\n", 1, "name: command"),
        ("a b: c\n", 1, "name: command"),
        ("a: one\na: two\n", 2, "declared twice"),
        ("a: \0\n", 1, "name: command"),
    ],
)
def test_a_line_without_a_process_is_reported_by_its_number(tmp_path: Path, text: str, line: int, reason: str):
    """A line that can't be read is reported by its number; the others count."""
    (problem,) = declared(tmp_path, text).problems
    assert (problem.line, reason in problem.reason, bool(problem.action)) == (line, True, True)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("a = 3", "a table with a command"),
        ("a = ''", "not empty"),
        ("a = {cwd = 'x'}", "command must be"),
        ("a = {command = 'x', cwd = 3}", "cwd must be"),
        ("a = {command = 'x', reload = 'yes'}", "reload must be"),
        ("a = {command = 'x', env = {'A B' = 'c'}}", "env must be"),
        ("a = {command = 'x', env = ['A']}", "env must be"),
        ("'a/b' = 'x'", "a name has"),
        ("a = {command = 'x', comand = 'y'}", "comand is no key"),
        ("a = {command = 'x', watch = true}", "watch is no key"),
    ],
)
def test_an_entry_without_a_process_is_reported_with_what_it_must_be(tmp_path: Path, entry: str, reason: str):
    """An entry that can't be read is reported with what it must be; one with an unknown key alone is run."""
    found = declared(tmp_path, toml=f"[tool.appliance.processes]\n{entry}\nb = 'y'\n")
    (problem,) = found.problems
    assert reason in problem.reason
    assert problem.action
    assert [each.name for each in found.processes] == (["a", "b"] if "is no key" in reason else ["b"])


def test_a_process_file_that_cannot_be_read_is_a_problem_at_most(tmp_path: Path):
    """A file without text, TOML or a table is a problem at most, never an exception."""
    (tmp_path / "Procfile.dev").write_bytes(b"\xff\xfea\x00:\x00 \x00b\x00")
    assert [each.name for each in read_processes(tmp_path).processes] == ["a"]
    (tmp_path / "Procfile.dev").write_bytes(b"\xfe\xfe\xfe: \x01\n")
    assert len(declared(tmp_path, toml="[tool").problems) == 2
    assert declared(tmp_path, toml="[tool.appliance]\nprocesses = 3\n").problems[1].action
    (tmp_path / "Procfile.dev").unlink()
    (tmp_path / "Procfile.dev").mkdir()
    (tmp_path / "pyproject.toml").unlink()
    assert read_processes(tmp_path) == Declared()


def test_a_number_of_processes_is_enough(tmp_path: Path):
    """Beyond a number that no project has, further processes are left out with a problem."""
    found = declared(tmp_path, "".join(f"p{number}: x\n" for number in range(MOST + 3)))
    assert len(found.processes) == MOST
    assert "first 50" in found.problems[0].reason
