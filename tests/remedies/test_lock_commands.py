"""A lock is changed by the tool that wrote it, and by no other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.package_index import wheel
from tests.remedies.project_facts import made, project_facts

PYPROJECT = '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["toaster"]\n'


@pytest.mark.parametrize("package", ["kettle", "toaster"])
def test_uv_changes_its_lock(tmp_path: Path, package: str):
    """Uv adds the package to pyproject.toml and the lock; where pyproject.toml has it, the lock alone is renewed."""
    wheels, root = tmp_path / "wheels", tmp_path / "shop"
    wheels.mkdir()
    for name in ("kettle", "toaster"):
        wheel(wheels, name)
    root.mkdir()
    lock = "version = 1\nrequires-python = '>=3.10'\n"
    values = {"UV_FIND_LINKS": str(wheels), "UV_NO_INDEX": "1", "UV_OFFLINE": "1", "PATH": "/bin:/usr/bin"}
    files = {"uv.lock": lock, "pyproject.toml": PYPROJECT}
    where = project_facts(root, "uv.lock", files, values=values, cache=tmp_path)
    where.plan.python = Path(sys.executable)  # type: ignore[union-attr, misc]
    remedy = made(where, kind="add-dependency", packages=package)
    assert remedy is not None
    words = remedy.command_line.split()
    assert words[1] == ("lock" if package == "toaster" else "add")
    assert ("--no-sync" in words) is (package != "toaster")
    subprocess.run(
        remedy.proposal.command, cwd=root, env=dict(remedy.proposal.variables), check=True, capture_output=True
    )
    assert f'name = "{package}"' in (root / "uv.lock").read_text()
    assert f'"{package}' in (root / "pyproject.toml").read_text()
    assert sorted(path.name for path in root.iterdir()) == ["pyproject.toml", "uv.lock"]  # no environment is made


def test_poetry_is_used_if_it_is_there(tmp_path: Path):
    """Poetry changes its lock if the project's PATH has it; without it, the page only says what to run."""
    files = {"poetry.lock": "", "pyproject.toml": ""}
    need = {"kind": "add-dependency", "packages": "flask"}
    tools = tmp_path / "bin"
    tools.mkdir()
    assert made(project_facts(tmp_path / "p", "poetry.lock", files, variables={"PATH": str(tools)}), **need) is None
    (tools / "poetry").write_text("#!/bin/sh\n")
    (tools / "poetry").chmod(0o755)
    remedy = made(project_facts(tmp_path / "p", "poetry.lock", files, variables={"PATH": str(tools)}), **need)
    assert remedy is not None
    assert remedy.proposal.command[1:] == ("add", "--lock", "flask")


def test_a_byte_order_mark_hides_no_declaration(tmp_path: Path):
    """A pyproject.toml that an editor of Windows has saved declares what it lists: the lock alone is made again."""
    files = {"uv.lock": "", "pyproject.toml": f"\ufeff{PYPROJECT}"}
    where = project_facts(tmp_path, "uv.lock", files)
    where.plan.python = Path("/x/python")  # type: ignore[union-attr, misc]
    remedy = made(where, kind="add-dependency", packages="toaster")
    assert remedy is not None
    assert remedy.command_line.split()[1] == "lock"


def test_the_command_names_the_folder_of_the_lock(tmp_path: Path):
    """The command runs in the project's folder, and names the folder of the lock."""
    files = {"back/uv.lock": "", "back/pyproject.toml": PYPROJECT}
    where = project_facts(tmp_path, "back/uv.lock", files)
    where.plan.python = Path("/x/python")  # type: ignore[union-attr, misc]
    remedy = made(where, kind="add-dependency", packages="flask")
    assert remedy is not None
    assert " --directory back " in remedy.command_line
