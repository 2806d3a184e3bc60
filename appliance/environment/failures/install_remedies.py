"""Write advice about a package that can't be installed or built, with the commands.

tests/environment/failures/test_install_remedies.py follows each of them exactly.

Decision 32 says why.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from appliance.conventions import LOCK_TOOLS
from appliance.environment.failures.build_libraries import IN_FULL
from appliance.environment.python.interpreter import APPLIANCE_FOLDER, IN_FULL_IMAGE, how_to_add
from appliance.identity.regular_file import read_text_of
from appliance.package_names import any_spelling, normalized

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# The same module in a package that has wheels, or that is still maintained.
INSTEAD = {
    "cchardet": "faust-cchardet",
    "dlib": "dlib-bin",
    "mysql-python": "mysqlclient",
    "pil": "Pillow",
    "pillow-simd": "Pillow",
    "psycopg-c": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "pycrypto": "pycryptodome",
    "sklearn": "scikit-learn",
}


class FailedPackage(NamedTuple):
    """A package that the project's files name: ``line`` of ``file``; both are empty if no file names it."""

    name: str
    version: str
    file: str
    line: str


def tool_of(files: Sequence[Path]) -> str:
    """Return the tool that wrote the lock: only that tool may change the lock."""
    return next((tool for file in files if (tool := LOCK_TOOLS.get(file.name))), "")


def take_instead(package: FailedPackage, files: Sequence[Path]) -> str:
    """Advise another package in place of this one; empty if none is known."""
    instead = INSTEAD.get(normalized(package.name), "")
    if not instead:
        return ""
    commands = {
        "uv": f"uv remove --no-sync {package.name} && uv add --no-sync '{instead}'",
        "poetry": f"poetry remove {package.name} && poetry add '{instead}'",
        "pipenv": f"pipenv uninstall {package.name} && pipenv install '{instead}'",
    }
    command = commands.get(tool_of(files))
    if command:
        return f"{instead} has the same module as a wheel: {command}"
    where = f" in {package.file}" if package.file else ""
    line = f"{package.line!r}" if package.line else package.name
    return f"Replace {line} with {instead}{where}: it has the same module as a wheel."


def take_newer(package: FailedPackage, files: Sequence[Path]) -> str:
    """Advise a newer release of the package."""
    tool = tool_of(files)
    if tool:
        direct = any(_asks(file, package.name) for file in files if file.name in {"pyproject.toml", "Pipfile"})
        direct = direct or (tool == "pipenv" and _asks(files[0].with_name("Pipfile"), package.name))
        bound = f"'{package.name}>{package.version}'" if package.version else package.name
        commands = {
            "uv": f"uv add --no-sync {bound}" if direct else f"uv lock --upgrade-package {package.name}",
            "poetry": f"poetry add {package.name}@latest" if direct else f"poetry update {package.name}",
            "pipenv": f"pipenv install {bound}" if direct else f"pipenv upgrade {package.name}",
        }
        return f"Use a newer release of it: {commands[tool]}"
    if package.file:
        return f"Use a newer release of it: replace {package.line!r} with {package.name} in {package.file}."
    return f"Use a newer release of {package.name}, or of what depends on it."


def take_older_python(until: str, image: str) -> str:
    """Advise the last Python on which the package runs."""
    values = {"APPLIANCE_IMAGE": image} if image else {}
    if image == "full" and until in IN_FULL_IMAGE:
        return f"run the project on Python {until}: APPLIANCE_PYTHON={until}"
    return f"run the project on Python {until}: APPLIANCE_PYTHON={until}. {how_to_add(until, values)}"


def add_debian(packages: Sequence[str], image: str) -> str:
    """Advise Debian packages for the place where the appliance runs; empty if its image has them all."""
    if not image:
        return f"Install what is missing (Debian, Ubuntu): apt-get install -y {' '.join(packages)}"
    if image != "full" and IN_FULL.issuperset(packages):
        return (
            "Build the image that has it, from the appliance's own folder: "
            f"docker build --target full -t wsgi-appliance {APPLIANCE_FOLDER}"
        )
    names = [name for name in packages if image != "full" or name not in IN_FULL]
    return f"Add it to the image: {derived_image(names)}" if names else ""


def derived_image(packages: Sequence[str]) -> str:
    """Return the command that adds Debian packages to the image, under the same name; it needs no build context."""
    run = f"RUN apt-get update && apt-get install -y {' '.join(packages)}"
    return f"printf 'FROM wsgi-appliance\\n{run}\\n' | docker build -t wsgi-appliance -"


def _asks(file: Path, name: str) -> bool:
    try:
        text = read_text_of(file)
    except OSError:
        return False
    spelled = any_spelling(name)
    return re.search(rf"(?im)(?:^|[\"'\[])\s*{spelled}(?![\w.-])", text) is not None
