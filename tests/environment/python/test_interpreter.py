"""Which Python a project runs on."""

import sys
from pathlib import Path

import pytest

from appliance.config.settings import read_settings
from appliance.environment.python.interpreter import Known, choose_interpreter
from appliance.environment.python.pythons import SERVED, appliance_interpreter
from appliance.errors import InterpreterError
from appliance.protocol.record import replace

OWN = f"{sys.version_info[0]}.{sys.version_info[1]}"
OTHER = next(version for version in SERVED if version != OWN)
FETCHED = "3.10" if OWN != "3.10" else "3.12"


@pytest.fixture
def choose(tmp_path):
    """``choose({".python-version": "3.12"}, python="..", folder="..", **values)``: its interpreter."""
    settings = read_settings({"HOME": str(tmp_path)}, {}, {"cache": str(tmp_path / "cache")}, tmp_path)

    def choose(files, python="", folder="", known=Known(), **values):  # noqa: B008  nothing changes it
        root = tmp_path / "project"
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        values = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path), **values}
        return choose_interpreter(root, replace(settings, python=python), values, root / folder, known)

    return choose


@pytest.fixture
def pretend(tmp_path):
    """``pretend("3.12")``: a program in PATH that says of itself that it is this Python."""

    def pretend(version, says=None):
        (tmp_path / "bin").mkdir(exist_ok=True)
        file = tmp_path / "bin" / f"python{version}"
        answer = f'["{file}", {(says or version).replace(".", ", ")}, 1]'
        file.write_text(f"#!/bin/sh\necho '{answer}'\n")
        file.chmod(0o755)
        return file

    return pretend


@pytest.mark.parametrize(
    "files",
    [
        {},
        {".python-version": f"{OWN}\n"},
        {".python-version": f"# ours\ncpython-{OWN}.2\n"},
        {".python-version": "my-virtualenv\n"},
        {"runtime.txt": f"python-{OWN}.9\n"},
        {".tool-versions": f"nodejs 20\npython {OWN}.1\n"},
        {"pyproject.toml": '[project]\nrequires-python = ">=3.8"\n'},
        {"pyproject.toml": f'[project]\nrequires-python = ">={OWN}.2"\n'},
        {"pyproject.toml": '[project]\nrequires-python = "three"\n'},
        {"pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.8"\n'},
        {"setup.cfg": "[options]\npython_requires = >=3.6, <4\n"},
        {"setup.py": 'setup(python_requires=">=3.6,<4")\n'},
        {"Pipfile": f'[requires]\npython_version = "{OWN}"\n'},
        {"Pipfile": '[requires]\npython_version = "3"\n'},
        {"Pipfile": "[requires\n"},
        {"mise.toml": f'[tools]\npython = "{OWN}"\n'},
        {"environment.yml": f"dependencies:\n  - python={OWN}\n"},
        {"pyproject.toml": f'[tool.poetry.dependencies]\npython = "~2.7 || ^{OWN}"\n'},
    ],
)
def test_our_own_python_is_taken_where_the_project_allows_it(choose, files):
    """The appliance's own Python is taken wherever the project allows it: the base of its environment."""
    chosen = choose(files)
    assert (chosen.version, chosen.path) == (OWN, appliance_interpreter())
    assert not (appliance_interpreter().parent.parent / "pyvenv.cfg").exists()


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({".python-version": f"{OTHER}\n"}, ".python-version"),
        ({".python-version": f"{OTHER}\r\n".encode("utf-16")}, ".python-version"),  # of PowerShell
        ({"runtime.txt": f"python-{OTHER}.1\n"}, "runtime.txt"),
        ({"pyproject.toml": f'[project]\nrequires-python = "=={OTHER}.*"\n'}, "pyproject.toml"),
        ({"pyproject.toml": f'\ufeff[project]\nrequires-python = "=={OTHER}.*"\n'}, "pyproject.toml"),
        ({"pyproject.toml": f'[tool.poetry.dependencies]\npython = "~{OTHER}"\n'}, "poetry"),
        ({"setup.cfg": f"[options]\npython_requires = =={OTHER}.*\n"}, "setup"),
        ({"Pipfile": f'[requires]\npython_full_version = "{OTHER}.1"\n'}, "Pipfile"),
        ({"environment.yml": f"dependencies:\n  - python={OTHER}\n"}, "environment.yml"),
        ({"environment.yml": f"dependencies:\n  - python {OTHER}.2 h12_0\n"}, "environment.yml"),
        ({"environment.yml": f"dependencies:\n  - conda-forge::python=={OTHER}\n"}, "environment.yml"),
        ({"requirements.txt": f"flask=2.1.3=py39_0\npython={OTHER}.2=h12_0\n"}, "requirements.txt"),
        ({"requirements.txt": f"python=={OTHER}.2\n"}, "requirements.txt"),
    ],
)
def test_another_python_of_this_machine_is_found_on_path(choose, pretend, files, named):
    """The Python that the project asks for is looked for on PATH, and named as asked for."""
    program = pretend(OTHER)
    chosen = choose(files)
    assert (chosen.version, chosen.path) == (OTHER, program)
    assert named in chosen.why


def test_two_ranges_hold_both(choose, pretend):
    """A pyproject.toml may state its Pythons for the standard and for Poetry: what runs it fits both."""
    standard = '[project]\nrequires-python = ">=3.8"\n'
    program = pretend(OTHER)
    chosen = choose({"pyproject.toml": f'{standard}[tool.poetry.dependencies]\npython = ">=3.8,=={OTHER}.*"\n'})
    assert (chosen.version, chosen.path) == (OTHER, program)
    assert "requires-python of pyproject.toml says >=3.8 and python of [tool.poetry.dependencies]" in chosen.why


@pytest.mark.parametrize("own", [{}, {".python-version": OWN}, {"setup.cfg": "[options]\npython_requires = <3\n"}])
@pytest.mark.parametrize(
    "files",
    [
        {"vote/.python-version": OTHER, "vote/setup.cfg": "[options]\npython_requires = >=3.8\n"},
        {"vote/pyproject.toml": f'[project]\nrequires-python = "=={OTHER}.*"\n', "vote/runtime.txt": OTHER},
    ],
)
def test_the_folder_of_the_dependencies_goes_before_the_projects(choose, pretend, own, files):
    """A version named in the folder of the dependencies wins over the project's own folder, by kind."""
    program = pretend(OTHER)
    chosen = choose({**own, **files}, folder="vote")
    assert (chosen.version, chosen.path) == (OTHER, program)
    assert "in vote says" in chosen.why


def test_the_projects_own_folder_speaks_for_all(choose, pretend):
    """A .python-version of the whole repository holds where the folder of the dependencies pins none."""
    program = pretend(OTHER)
    files = {".python-version": OTHER, "vote/pyproject.toml": '[project]\nrequires-python = ">=3.8"\n'}
    assert choose(files, folder="vote").path == program


def test_a_program_counts_by_its_own_version(choose, pretend):
    """A program's own version counts, and not its name."""
    pretend(OTHER, says=OWN)
    assert choose({".python-version": OTHER}).path is None


def test_the_setting_wins(choose, pretend):
    """APPLIANCE_PYTHON overrides the project's own requirement."""
    program = pretend(OTHER)
    assert choose({".python-version": OWN}, python=OTHER).path == program


def test_a_path_is_taken_as_it_is(choose, tmp_path):
    """A path names the interpreter, or the environment that it is in."""
    assert choose({}, python=sys.executable).path == Path(sys.executable)
    assert choose({}, python=sys.prefix).path == Path(sys.prefix) / "bin" / "python"
    with pytest.raises(InterpreterError, match="does not run"):
        choose({}, python=str(tmp_path / "gone"))


def test_a_python_too_old_to_serve(choose, pretend):
    """A path to a Python that the appliance is not written for says so."""
    with pytest.raises(InterpreterError, match=r"Python 2\.7"):
        choose({}, python=str(pretend("2.7")))


def test_a_missing_python_may_be_fetched(choose):
    """A missing Python may be fetched; if that is off, a pin is ignored, and a range is an error."""
    chosen = choose({".python-version": FETCHED})
    assert (chosen.version, chosen.path) == (FETCHED, None)
    chosen = choose({".python-version": FETCHED}, UV_PYTHON_DOWNLOADS="never")
    assert (chosen.version, chosen.passed_over) == (OWN, FETCHED)
    assert chosen.why == f".python-version says {FETCHED}, which is not installed"


@pytest.mark.parametrize(("image", "words"), [("", "uv python install"), ("slim", "--target full"), ("full", "EXTRA")])
def test_a_range_that_nothing_here_fits_names_what_is_here(choose, tmp_path, image, words):
    """The error names what is here, does not offer what the range forbids, and says how to add one, in one command."""
    asked = {".python-version": "", "pyproject.toml": f'[project]\nrequires-python = "=={FETCHED}.*"\n'}
    values = {"APPLIANCE_IMAGE": image} if image else {}
    with pytest.raises(InterpreterError) as caught:
        choose(asked, UV_PYTHON_DOWNLOADS="never", **values)
    assert caught.value.details["available"] == [OWN]
    assert "requires-python" in caught.value.found
    assert "APPLIANCE_PYTHON" not in caught.value.action
    assert words in caught.value.action
    assert not image or caught.value.action.endswith(" -t wsgi-appliance /path/to/wsgi-appliance")


def test_an_unmet_pin_and_range_name_each_file_that_asks(choose):
    """The error names each file that asks for the Python that is not here: to change one alone would not help."""
    asked = {".python-version": FETCHED, "pyproject.toml": f'[project]\nrequires-python = "=={FETCHED}.*"\n'}
    with pytest.raises(InterpreterError) as caught:
        choose(asked, UV_PYTHON_DOWNLOADS="never")
    words = f"(.python-version says {FETCHED} and requires-python of pyproject.toml says =={FETCHED}.*)"
    assert words in caught.value.found


@pytest.mark.parametrize(
    ("pinned", "asked", "why"),
    [
        ("3.6", f">={OWN}", "older than what the appliance supports"),
        (OTHER, f"=={OWN}.*", "which requires-python of pyproject.toml"),
        ("3.99", f"=={OWN}.*", "which the appliance does not support"),
    ],
)
def test_a_range_overrules_a_pin_that_it_forbids(choose, pretend, pinned, asked, why):
    """A range is the project's word: a pin that it forbids, or that can't be served, is passed over with the reason."""
    pretend(OTHER)
    chosen = choose({"runtime.txt": pinned, "pyproject.toml": f'[project]\nrequires-python = "{asked}"\n'})
    assert (chosen.version, chosen.passed_over) == (OWN, pinned)
    assert why in chosen.why


def test_the_nearest_python_runs_a_project_with_an_old_pin(choose, pretend):
    """If the pinned Python is too old, the nearest installed one runs the project."""
    older = [version for version in SERVED if version < OWN] or [OWN]
    for version in older:
        pretend(version)
    assert choose({"runtime.txt": "python-3.6.8"}).version == min(older, key=lambda each: int(each[2:]))


PINS = ("numpy==1.21.0", "lxml==4.9")


@pytest.mark.parametrize(
    ("lacking", "here", "version", "because"),
    [
        ({OWN: ()}, [OTHER], OWN, ""),
        ({OWN: PINS, OTHER: ()}, [OTHER], OTHER, f"numpy==1.21.0 and lxml==4.9 have no wheel for Python {OWN}"),
        ({OWN: PINS, OTHER: PINS[:1]}, [OTHER], OTHER, f"lxml==4.9 has no wheel for Python {OWN}"),
        ({OWN: PINS, OTHER: PINS}, [OTHER], OWN, ""),
        ({OTHER: PINS}, [OTHER], OTHER, f"what is pinned can't be installed on Python {OWN}"),
        ({OWN: PINS, OTHER: ()}, [], OWN, ""),
    ],
)
def test_the_python_with_most_wheels_of_the_pins_is_taken(choose, pretend, lacking, here, version, because):
    """The Python for which most pins have a wheel is taken, our own where it is as good; the reason is recorded."""
    for each in here:
        pretend(each)
    chosen = choose({}, known=Known(lacking), UV_PYTHON_DOWNLOADS="never")
    assert (chosen.version, chosen.because) == (version, because)


def test_a_missing_python_is_fetched_for_the_pins_that_have_wheels(choose):
    """A Python that is not here is fetched for the sake of wheels, unless that failed before."""
    known = Known({OWN: PINS, FETCHED: ()})
    assert choose({}, known=known).path is None
    assert choose({}, known=Known(known.lacking, (FETCHED,))).version == OWN


@pytest.mark.parametrize("asked", ["<3", ">=4", "==3.6.*"])
def test_a_requirement_that_no_python_fulfils_is_an_error(choose, asked):
    """A requirement that no supported Python fulfils is an error that says where it comes from."""
    with pytest.raises(InterpreterError, match="requires-python"):
        choose({"pyproject.toml": f'[project]\nrequires-python = "{asked}"\n'})


@pytest.mark.parametrize("files", [{"runtime.txt": "python-3.6.8\n"}, {".python-version": "2.7.18\n"}])
def test_a_pin_that_is_too_old_does_not_stop_the_project(choose, files):
    """A pin that is older than what can be served does not keep a project from being tried; the reason names it."""
    chosen = choose(files)
    assert (chosen.version, chosen.path) == (OWN, appliance_interpreter())
    assert chosen.passed_over in next(iter(files.values()))
    assert "older than what the appliance supports" in chosen.why
    with pytest.raises(InterpreterError, match=r"APPLIANCE_PYTHON says 3\.6"):
        choose(files, python="3.6")
