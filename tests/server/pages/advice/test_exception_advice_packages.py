"""Advice about a missing or outdated package, library or program: the line, and the command."""

from __future__ import annotations

import subprocess
import types
from collections.abc import Callable

import pytest

from appliance.server.pages.advice import installed_distributions, project_files
from appliance.server.pages.advice.removed_names import companions, is_too_old
from tests.server.pages.advice.test_exception_advice import Advised, advised, importing, in_image, raiser

__all__ = ["advised", "in_image"]

LIBRARIES = (
    ("libpq.so.5: cannot open shared object file: No such file or directory", "libpq5"),
    ("libodbc.so.2: cannot open shared object file: No such file or directory", "unixodbc"),
    (
        (
            "cannot load library 'libgobject-2.0-0': libgobject-2.0-0: cannot open shared object file: No such file or "
            "directory.  Additionally, ctypes.util.find_library() did not manage to locate a library called "
            "'libgobject-2.0-0'"
        ),
        "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0",
    ),
    ('no library called "cairo-2" was found\nno library called "cairo" was found', "libcairo2"),
    ("failed to find libmagic.  Check your installation", "libmagic1"),
    ("Unable to find zbar shared library", "libzbar0"),
    ('Could not find the GDAL library (tried "gdal", "GDAL", "gdal3.13.0").', "gdal-bin"),
    ("The 'enchant' C library was not found and maybe needs to be installed.", "libenchant-2-2"),
    ("MagickWand shared library not found.\nYou probably had not installed ImageMagick library.", "imagemagick"),
    ("PortAudio library not found", "libportaudio2"),
    (
        (
            "cannot load library 'libgobject-2.0.so.0': libgobject-2.0.so.0: cannot open shared object file: No such "
            "file or directory.  Additionally, ctypes.util.find_library() did not manage to locate a library"
        ),
        "libvips42",
    ),
)


@pytest.mark.parametrize(("words", "packages"), LIBRARIES)
def test_a_missing_shared_library_names_debians_packages(advised: Advised, words: str, packages: str) -> None:
    """A message about a missing system library names Debian's packages, whatever exception carries it."""
    for base in (ImportError, OSError, Exception):
        assert advised(raiser("x.Missing", words, base=base)).endswith(f"apt-get install -y {packages}")


@pytest.mark.usefixtures("in_image")
def test_one_command_adds_a_library_to_the_image(advised: Advised) -> None:
    """In the image one command adds it, under the image's own name, from any folder."""
    words = advised(raiser("x.Missing", LIBRARIES[0][0], base=ImportError))
    assert words.endswith(
        r"printf 'FROM wsgi-appliance\nRUN apt-get update && apt-get install -y libpq5\n' "
        "| docker build -t wsgi-appliance -"
    )


def test_a_lock_without_a_required_package_must_be_locked_again(advised: Advised) -> None:
    """A package that pyproject.toml names and the lock does not have is locked; one that the lock has is an extra's."""
    project = {"pyproject.toml": "[project]\nname = 'x'\ndependencies = [\n  'not-here-at-all>=2',\n]\n"}
    lock = '[[package]]\nname = "x"\nsource = { virtual = "." }\ndependencies = [{ name = "other" }]\n'
    words = "pyproject.toml names not-here-at-all, but {} does not have it: run {} lock. Saving the file installs it."
    assert advised(importing("not_here_at_all"), {**project, "uv.lock": lock}) == words.format("uv.lock", "uv")
    locked = f'{lock}\n[[package]]\nname = "Not_Here.at-all"\n'
    assert "an extra or a group" in advised(importing("not_here_at_all"), {"uv.lock": locked})
    cut = lock + "#" * project_files.TEXT_MAX
    assert "an extra or a group" in advised(importing("not_here_at_all"), {"uv.lock": cut})


def test_a_library_that_debian_has_dropped_is_not_offered(advised: Advised) -> None:
    """A library that Debian has dropped is not offered for installation."""
    words = advised(raiser("x.Missing", "libssl.so.1.1: cannot open shared object file: No such", base=ImportError))
    assert "newer release" in words
    assert "apt-get" not in words


def test_a_missing_program_names_its_package(advised: Advised) -> None:
    """A program that is not here is named with its package; a file that is not here is none."""
    named = advised(lambda: subprocess.run(["ffprobe"], env={"PATH": "/nowhere"}, check=False))
    assert named == "The program ffprobe is not installed. Install it (Debian, Ubuntu): apt-get install -y ffmpeg"
    assert not advised(lambda: open("git"))  # noqa: PTH123, SIM115
    assert not advised(lambda: subprocess.run(["no-such-program"], env={"PATH": "/nowhere"}, check=False))


def absent(name: str, module: str) -> Callable[[], None]:
    """Return a function that imports a name which a module has lost."""

    def raises() -> None:
        raise ImportError(f"cannot import name {name!r} from {module!r} (/x/{module}.py)", name=module)

    return raises


@pytest.mark.parametrize(
    ("raises", "files", "words"),
    [
        (absent("url_quote", "werkzeug.urls"), {"requirements.txt": "flask\n"}, "Add werkzeug<3 to requirements.txt."),
        (
            absent("url_quote", "werkzeug.urls"),
            {"requirements.txt": "flask\nWerkzeug==3.0.1 # ours\n"},
            "Replace 'Werkzeug==3.0.1' by werkzeug<3 in requirements.txt.",
        ),
        (
            absent("url_quote", "werkzeug.urls"),
            {"requirements/dev.txt": "-r base.txt\n", "requirements/base.txt": "Werkzeug>=1\n"},
            "Replace 'Werkzeug>=1' by werkzeug<3 in requirements/base.txt.",
        ),
        (absent("escape", "jinja2"), {"uv.lock": "", "pyproject.toml": ""}, "uv add --no-sync 'jinja2<3.1'"),
        (absent("soft_unicode", "markupsafe"), {"poetry.lock": ""}, "poetry add --lock 'markupsafe<2.1'"),
        (absent("json", "itsdangerous"), {"Pipfile.lock": "{}"}, "pipenv install 'itsdangerous<2.1'"),
        (absent("ugettext_lazy", "django.utils.translation"), {"requirements.txt": ""}, "Add django<4 to"),
        (
            raiser("x.y", "module 'sqlalchemy' has no attribute '__all__'", base=AttributeError),
            {"requirements.txt": ""},
            "Add sqlalchemy<2 to",
        ),
    ],
)
def test_a_name_that_has_left_a_package_names_the_release_that_had_it(
    advised: Advised, raises: Callable[[], None], files: dict[str, str], words: str
):
    """Advice for a name that only an older release has names that release, and the line or command that installs it."""
    assert words in advised(raises, files)


@pytest.mark.parametrize(
    ("base", "name", "words"),
    [
        ("flask.app", "Flask", "before_first_request flask<2.3"),
        ("flask.blueprints", "Blueprint", "before_app_first_request flask<2.3"),
        ("sqlalchemy.engine.base", "Engine", "execute sqlalchemy<2"),
        ("django.core.handlers.wsgi", "WSGIRequest", "is_ajax django<4"),
        ("shop.models", "Engine", "execute "),
        ("flask.app", "Flask", "no_such_thing "),
    ],
)
def test_a_method_that_has_left_a_class_names_the_release_that_had_it(
    advised: Advised, base: str, name: str, words: str
):
    """If a package's class, or a subclass of the project's, has lost a name, the advice names the release with it."""
    above = type(name, (), {"__module__": base})
    below = type("Own", (above,), {"__module__": "shop"})
    attribute, _, release = words.partition(" ")
    for each in (above, below):
        reported = advised(lambda each=each: getattr(each(), attribute), {"requirements.txt": ""})
        assert (f"Add {release} to requirements.txt" in reported) if release else not reported


def test_an_attribute_that_has_left_a_module_is_recognised(advised: Advised):
    """A module's attribute is known as the interpreter raises it, with its name beside the words."""
    module = types.ModuleType("marshmallow")
    assert "Add marshmallow<4 to" in advised(lambda: module.__version__, {"requirements.txt": ""})


def test_a_django_that_no_python_can_run(advised: Advised, monkeypatch: pytest.MonkeyPatch):
    """A Django that left its last Python behind with 3.9 is not advised another Python."""
    monkeypatch.setattr(installed_distributions, "distribution_of", lambda _module: "Django")
    for version, older in (("1.10.5", False), ("2.2.14", True)):
        monkeypatch.setattr("importlib.metadata.version", lambda _name, version=version: version)
        monkeypatch.setattr(installed_distributions, "is_installed", lambda _name: True)
        reported = advised(importing_django, {"requirements.txt": f"Django=={version}\n"})
        assert "install a newer release" in reported
        assert ("Run the project on Python 3.11" in reported) is older


def importing_django() -> None:
    """Raise the error of a Django whose copy of six is too old."""
    raise ModuleNotFoundError("No module named 'django.utils.six.moves'", name="django.utils.six.moves")


def test_an_old_copy_of_six_asks_for_a_newer_release() -> None:
    """A module that an outdated package brings along asks for a newer release of it, not for another package."""
    assert is_too_old("No module named 'stripe.six.moves'")
    assert is_too_old("cannot import name 'Container' from 'collections' (/x/collections/__init__.py)")
    assert not is_too_old("No module named 'six.moves'")


def test_an_old_flask_names_all_that_it_needs_at_once() -> None:
    """An old Flask names all that it can't do without at once."""
    assert companions("flask", "1.1.4") == ("jinja2<3.1", "markupsafe<2.1", "itsdangerous<2.1", "werkzeug<2.1")
    assert companions("flask", "2.2.5") == ("werkzeug<3",)
    assert companions("flask", "3.1.0") == ()


@pytest.mark.parametrize(
    ("name", "files", "words"),
    [
        ("own_of_it", {"app/own_of_it/x.py": "", "requirements.txt": ""}, "PYTHONPATH=app in .env"),
        ("own_of_it", {"app/deep/own_of_it.py": "", "requirements.txt": ""}, "PYTHONPATH=app/deep in .env"),
        ("own_of_it", {"app/own_of_it/notes.txt": "", "requirements.txt": ""}, "Add own-of-it to requirements.txt"),
    ],
)
def test_a_folder_of_the_project_is_not_a_package(
    advised: Advised, name: str, files: dict[str, str], words: str
) -> None:
    """A name that is a module anywhere in the project is a stranger's code on an index: its folder goes on the path."""
    assert words in advised(importing(name), files)


@pytest.mark.parametrize(
    ("name", "words"), [("no_such_old_one", ""), ("cgi", "legacy-cgi"), ("imp", "zombie-imp"), ("uu", "standard-uu")]
)
def test_a_package_brings_a_module_back_that_left_python(advised: Advised, name: str, words: str) -> None:
    """A module that left the standard library is brought back by a package, which is added as any other."""
    error = ModuleNotFoundError(f"No module named {name!r}", name=name)

    def raises() -> None:
        raise error

    assert f"Add {words or 'no-such-old-one'} to requirements.txt" in advised(raises, {"requirements.txt": ""})


def test_psycopg_without_a_library_names_its_binary_part(advised: Advised) -> None:
    """Psycopg's own words for a missing libpq name its binary part, in the file or for the lock's tool."""
    words = (
        "no pq wrapper available.\nAttempts made:\n- couldn't import psycopg 'c' implementation: No module named "
        "'psycopg_c'\n- couldn't import psycopg 'binary' implementation: No module named 'psycopg_binary'\n"
        "- couldn't import psycopg 'python' implementation: libpq library not found"
    )
    raises = raiser("x.y", words, base=ImportError)
    assert "Replace 'psycopg==3.1' by psycopg[binary]" in advised(raises, {"requirements.txt": "psycopg==3.1\n"})
    assert "uv add --no-sync 'psycopg[binary]'" in advised(raises, {"uv.lock": "", "pyproject.toml": ""})
