"""The offers after a failed installation are known: by the index, the project's imports, this machine's Pythons."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.discovery.project import find_application
from appliance.environment.creation import install
from appliance.environment.failures.install_needs import name_needs
from appliance.environment.failures.uv_errors import failure
from appliance.errors import ApplicationError, InstallError
from appliance.protocol.remedy_kinds import INSTALL_AGAIN, all_checked
from appliance.remedies.remedy import ProjectFacts
from appliance.supervisor.reporting import standin_pages
from tests.package_index import Shop, sdist, wheel
from tests.remedies.project_facts import made


def needs(shop: Shop, requirements: str = "", **files: str) -> list[dict[str, str]]:
    """Return the needs that the page of a failed installation may offer."""
    shop.write("requirements.txt", requirements)
    for name, text in files.items():
        shop.write(f"{name}.py", text)
    empty = shop.wheels.with_name("index")  # an index that answers: it has no package, and the wheels are beside it
    empty.mkdir()
    shop.values["UV_DEFAULT_INDEX"] = empty.as_uri()
    del shop.values["UV_OFFLINE"]
    with pytest.raises(InstallError) as caught:
        install(shop.plan(), shop.root, shop.settings, shop.values, shop.lines.append)
    found = caught.value.needs
    assert all_checked(found) == found
    assert standin_pages.of_error(caught.value)["remedies"] == found
    return found


@pytest.mark.parametrize("requirement", ["toaster==99.0", "toaster>=99", "toaster[x]==99.0", "toaster~=99.0"])
def test_the_newest_version_is_offered_for_a_missing_one(shop: Shop, requirement: str):
    """The newest version that the index has for this Python is offered."""
    for version in ("1.0", "1.5"):
        wheel(shop.wheels, "toaster", version)
    wheel(shop.wheels, "toaster", "2.0", requires_python=">=4")
    expected = {"kind": "use-version", "file": "requirements.txt", "package": "toaster", "version": "1.5"}
    assert needs(shop, f"{requirement}\n") == [expected]


def test_a_misspelt_name_is_corrected_if_the_project_imports_that_module(shop: Shop):
    """A name is offered if the project imports that module, and the index has its package."""
    wheel(shop.wheels, "toaster")
    wheel(shop.wheels, "toasted")
    expected = {"kind": "use-instead", "file": "requirements.txt", "package": "toatser", "instead": "toaster"}
    assert needs(shop, "toatser==1.0\n", app="import toaster\nimport json\n") == [expected]


@pytest.mark.parametrize(
    "source", ["import json\n", "import kettle\n", "import toastre\n", "import toaster\nimport toasters\n"]
)
def test_a_name_is_not_guessed(shop: Shop, source: str):
    """No name is offered that the project does not import, that the index does not have, or that is one of two."""
    for name in ("toaster", "kettle", "toasters"):
        wheel(shop.wheels, name)
    assert needs(shop, "toatser\n", app=source) == []


def test_a_package_that_provides_the_same_module_is_offered(shop: Shop):
    """A package that can't be built is replaced by the one that has the same module."""
    sdist(shop.wheels, "psycopg2", "2.9")
    expected = {"kind": "use-instead", "file": "requirements.txt", "package": "psycopg2", "instead": "psycopg2-binary"}
    assert needs(shop, "psycopg2==2.9\n") == [expected]


def test_a_newer_release_with_a_wheel_is_offered(shop: Shop):
    """A newer release with a wheel is offered in place of one that has to be built."""
    sdist(shop.wheels, "mixer", "1.0")
    wheel(shop.wheels, "mixer", "3.0")
    expected = {"kind": "use-version", "file": "requirements.txt", "package": "mixer", "version": "3.0"}
    assert needs(shop, "mixer==1.0\n") == [expected]


def test_a_package_gets_another_python(tmp_path: Path):
    """A package that refuses this Python gets the newest one of this machine that the project allows."""
    words = (
        "error: No solution found when resolving dependencies\n  cause: Because the current Python version (3.11.7) "
        "does not satisfy Python>=3.12 and audio==0.2 depends on Python>=3.12, we can conclude that audio==0.2 cannot "
        "be used."
    )
    (tmp_path / "requirements.txt").write_text("audio==0.2\n")
    error = failure(words.splitlines(), 1, "", [tmp_path / "requirements.txt"], "", tmp_path)
    python = tmp_path / "bin" / "python3.12"
    python.parent.mkdir()
    answer = json.dumps([str(python), 3, 12, 1])
    python.write_text(f"#!/bin/sh\necho '{answer}'\n")
    python.chmod(0o755)
    values = {"PATH": str(python.parent), "HOME": str(tmp_path), "PYENV_ROOT": str(tmp_path)}
    name_needs(error, tmp_path, tmp_path, values, lambda _: "")
    assert {"kind": "use-python", "version": "3.12"} in error.needs
    (tmp_path / "pyproject.toml").write_text("[project]\nname='x'\nversion='1'\nrequires-python='<3.12'\n")
    error.needs = []
    name_needs(error, tmp_path, tmp_path, values, lambda _: "")
    assert error.needs == []


@pytest.mark.parametrize(
    ("words", "again"),
    [
        ("error: Request failed after 3 retries\n  cause: error sending request for url (https://x.example/)", True),
        ("error: failed to write: No space left on device (os error 28)", True),
        ("error: Git operation failed", True),
        ("error: HTTP status client error (401 Unauthorized)", False),
        ("error: Hash mismatch for `a`", False),
        ("error: No solution found when resolving dependencies", False),
    ],
)
def test_a_failure_that_may_pass_can_be_tried_again(words: str, again: bool):
    """Trying again is offered where the reason may pass by itself, and not where it can't."""
    assert failure(words.splitlines(), 1, "").needs == ([INSTALL_AGAIN] if again else [])
    assert failure(["killed"], -9, "").needs == [INSTALL_AGAIN]


FLASK = "from flask import Flask\napp = Flask(__name__)\n"


def test_each_of_several_applications_has_its_button(tmp_path: Path):
    """Each of several applications has its button."""
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(FLASK)
    with pytest.raises(ApplicationError) as caught:
        find_application(tmp_path, {}, None)
    kinds = [{"kind": "serve-application", "application": each} for each in ("one.py:app", "two.py:app")]
    assert caught.value.needs == kinds
    assert standin_pages.of_error(caught.value)["remedies"] == kinds


@pytest.mark.parametrize(("named", "meant"), [("shop:ap", "shop:app"), ("shpo:app", "shop:app")])
def test_a_misspelt_application_gets_the_one_that_exists(tmp_path: Path, named: str, meant: str):
    """A name of pyproject.toml that is misspelt gets the one that exists."""
    (tmp_path / "shop.py").write_text(FLASK)
    (tmp_path / "pyproject.toml").write_text(f'[tool.appliance]\napp = "{named}"\n')
    with pytest.raises(ApplicationError) as caught:
        find_application(tmp_path, {}, None)
    assert {"kind": "serve-application", "application": meant} in caught.value.needs


def test_the_installer_reports_what_helps(shop: Shop, capfd: pytest.CaptureFixture[str]):
    """The report for the supervisor has the remedies, and the event of the log has not."""
    from appliance.commands import install as command  # noqa: PLC0415  the name of a function above

    shop.write("requirements.txt", "toaster==99.0\n")
    wheel(shop.wheels, "toaster")
    flags = {"project": str(shop.root), "cache": str(shop.cache)}
    assert command.command(shop.values, flags, report=True, near=None) != 0
    report = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert [each["kind"] for each in report["needs"]] == ["use-version"]


@pytest.mark.parametrize("damage", ["edited", "removed"])
def test_a_package_is_installed_again_as_it_was(shop: Shop, damage: str):
    """A package whose file was edited in place is fetched again: the environment shares its files with the cache."""
    shop.write("requirements.txt", "toaster\n")
    del shop.values["UV_OFFLINE"]
    shop.values["UV_DEFAULT_INDEX"] = shop.wheels.as_uri()
    planned = shop.install()
    (module,) = planned.environment.glob("lib/python*/site-packages/toaster.py")
    if damage == "edited":
        module.write_text("VERSION = 'edited'\n")
    else:
        module.unlink()
    known = {"values": {}, "variables": {}, "target": None, "plan": planned, "env_file": ".env"}
    where = ProjectFacts(root=shop.root, cache=shop.cache, contained=False, **known)
    remedy = made(where, kind="reinstall", package="toaster")
    assert remedy is not None
    assert remedy.proposal.action is not None
    assert remedy.proposal.action()
    assert shop.install().environment != planned.environment
    assert shop.python("import toaster; print(toaster.VERSION)") == "1.0"
