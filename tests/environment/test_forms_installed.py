"""Every form of dependencies, installed: what is there afterwards, and that nothing was written beside it."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.errors import InstallError
from tests.package_index import wheel


def test_uv_lock_keeps_its_versions(shop):
    """A uv.lock is taken at its word: a newer version that there is now is not installed."""
    shop.write(
        "pyproject.toml",
        '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["toaster"]\n'
        '[dependency-groups]\ndev = ["kettle"]\n',
    )
    uv = str(Path(sys.prefix) / "bin" / "uv")
    command = [uv, "lock", "--python", sys.executable, "--cache-dir", str(shop.cache / "uv")]
    subprocess.run(command, cwd=shop.root, env=shop.values, check=True, capture_output=True, timeout=60)
    lock = (shop.root / "uv.lock").read_bytes()
    wheel(shop.wheels, "toaster", "3.0")
    planned = shop.install()
    assert planned.source == "uv.lock"
    assert shop.versions() == {"toaster": "1.0", "kettle": "2.0", "shop": "1"}
    assert (shop.root / "uv.lock").read_bytes() == lock
    assert {path.name for path in shop.root.iterdir()} == {"pyproject.toml", "uv.lock"}


@pytest.mark.parametrize("requirements", [None, "-e .[hot]\n"])
def test_pyproject_is_read_and_not_built(shop, requirements):
    """The project's own dependencies are installed, it itself is linked: nothing appears in its folder."""
    shop.write(
        "pyproject.toml",
        '[build-system]\nrequires = ["no-such-backend"]\nbuild-backend = "no_such_backend"\n'
        '[project]\nname = "shop"\nversion = "1"\ndependencies = ["toaster"]\n'
        '[project.optional-dependencies]\nhot = ["kettle==2.0"]\n',
    )
    if requirements:
        shop.write("requirements.txt", requirements)
    before = {path.name for path in shop.root.iterdir()}
    shop.install()
    assert shop.versions() == {"shop": "1", "toaster": "1.0", **({"kettle": "2.0"} if requirements else {})}
    assert {path.name for path in shop.root.iterdir()} == before


def test_the_development_group_is_installed(shop):
    """The group dev of a pyproject.toml is what a developer installs too."""
    shop.write("pyproject.toml", '[dependency-groups]\ndev = ["kettle==2.0"]\n')
    shop.install()
    assert shop.versions() == {"kettle": "2.0"}


def test_the_project_is_importable_from_anywhere(shop):
    """All that an installed project finds of itself is there, and its folder is unchanged."""
    shop.write(
        "setup.py",
        "from setuptools import setup\nsetup(name='the-shop', version='7', package_dir={'': 'src'},"
        " install_requires=['toaster'], entry_points={'console_scripts': ['shop-hello = store:hello'],"
        " 'paste.app_factory': ['main = store:main']})\n",
    )
    (shop.root / "src").mkdir()
    shop.write("src/store.py", "def hello(): print('hello')\n")
    before = sorted(shop.root.rglob("*"))
    shop.install()
    assert shop.versions() == {"the-shop": "7", "toaster": "1.0"}
    words = (
        "import os; os.chdir('/'); import store, importlib.metadata as m; "
        "print(m.version('the-shop'), [e.value for e in m.entry_points(group='paste.app_factory')])"
    )
    assert shop.python(words) == "7 ['store:main']"
    script = shop.plan().environment / "bin" / "shop-hello"
    environment = shop.environment()
    said = subprocess.run([script], env=environment, capture_output=True, text=True, timeout=60, check=True, cwd="/")
    assert said.stdout == "hello\n"
    assert sorted(shop.root.rglob("*")) == before


def test_a_library_in_a_folder_is_importable_where_it_lies(shop):
    """``-e ./libs/one`` is importable where it lies, with what it needs; an edit of it is seen at once."""
    shop.write("requirements.txt", "-e ./libs/one\n")
    (shop.root / "libs/one").mkdir(parents=True)
    shop.write("libs/one/pyproject.toml", '[project]\nname = "one"\nversion = "1"\ndependencies = ["toaster"]\n')
    shop.write("libs/one/one.py", "VALUE = 1\n")
    shop.install()
    assert shop.versions() == {"one": "1", "toaster": "1.0"}
    shop.write("libs/one/one.py", "VALUE = 2\n")
    assert shop.python("import one; print(one.VALUE)") == "2"


def hashed(shop, name, version):
    """The sha256 of a wheel of the test's."""
    data = (shop.wheels / f"{name}-{version}-py3-none-any.whl").read_bytes()
    return "sha256:" + hashlib.sha256(data).hexdigest()


def test_only_the_pins_of_a_poetry_or_pipenv_lock_are_installed(shop):
    """poetry.lock and Pipfile.lock are taken at their word: what they pin and nothing else, with its hash."""
    kettle = hashed(shop, "kettle", "1.0")
    shop.write(
        "pyproject.toml", '[tool.poetry]\nname = "shop"\nversion = "3"\n[tool.poetry.dependencies]\nkettle = "^1"\n'
    )
    package = f'[[package]]\nname = "kettle"\nversion = "1.0"\nfiles = [{{file = "k", hash = "{kettle}"}}]\n'
    shop.write("poetry.lock", package)
    assert shop.install().source == "poetry.lock"
    assert shop.versions() == {"kettle": "1.0", "shop": "3"}
    shop.write("poetry.lock", package.replace(kettle, "sha256:" + "0" * 64))
    with pytest.raises(InstallError, match="Hash"):
        shop.install()
    (shop.root / "poetry.lock").unlink()
    pin = {"version": "==1.0", "hashes": [kettle]}
    shop.write("Pipfile.lock", json.dumps({"_meta": {}, "default": {"kettle": pin}, "develop": {}}))
    assert shop.install().source == "Pipfile.lock"
    assert shop.versions() == {"kettle": "1.0", "shop": "3"}
