"""pyproject.toml names the application to serve, and holds everything else as before."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.discovery.project import find_application
from appliance.errors import ApplicationError
from tests.remedies.project_facts import after, made, project_facts

FLASK = "from flask import Flask\napp = Flask(__name__)\nother = Flask(__name__)\n"
NEED = {"kind": "serve-application", "application": "shop:other"}
OURS = '[tool.appliance]\napp = "shop:other"\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, OURS),
        ("", OURS),
        ("[project]\nname = 'x'\nversion = '1'\n", f"[project]\nname = 'x'\nversion = '1'\n\n{OURS}"),
        ("[tool.appliance]\napp = 'shop:oter'  # ours\n\n[tool.x]\napp = 1\n", None),
        ("[ tool . appliance ]  # ours\n  app = 'shop:oter'\n", None),
        ('[tool.appliance]\n\n[tool.x]\napp = "y"\n', '[tool.appliance]\napp = "shop:other"\n\n[tool.x]\napp = "y"\n'),
    ],
)
def test_an_application_is_named(tmp_path: Path, text: str | None, expected: str | None):
    """The table is made, or its value replaced; other tables stay."""
    files = {"shop.py": FLASK, **({} if text is None else {"pyproject.toml": text})}
    expected = (text or "").replace("'shop:oter'", '"shop:other"') if expected is None else expected
    assert after(project_facts(tmp_path, files=files), **NEED) == expected


@pytest.mark.parametrize("application", ["shop:missing", "missing:app", "../shop.py", "/etc/passwd:app"])
def test_an_application_that_is_not_there_is_not_named(tmp_path: Path, application: str):
    """An application that can't be served is not offered."""
    where = project_facts(tmp_path, files={"shop.py": FLASK})
    assert made(where, kind="serve-application", application=application) is None


def test_asgi_applications_that_tie_can_be_named_if_they_are_adapted(tmp_path: Path):
    """Each of two ASGI applications can be named if the appliance adapts ASGI; else neither."""
    files = dict.fromkeys(("one.py", "two.py"), "from fastapi import FastAPI\napp = FastAPI()\n")
    adapts = project_facts(tmp_path, files=files, values={"APPLIANCE_ASGI": "adapt"})
    with pytest.raises(ApplicationError) as caught:
        find_application(adapts.root, adapts.values, None, adapts=True)
    needs = caught.value.needs
    assert [after(adapts, **need) for need in needs] == [
        f'[tool.appliance]\napp = "{name}:app"\n' for name in ("one", "two")
    ]
    assert [made(project_facts(tmp_path), **need) for need in needs] == [None, None]


def test_a_setting_comes_first(tmp_path: Path):
    """With APPLIANCE_APP, the file would change nothing; a file that is not TOML is left alone."""
    where = project_facts(tmp_path, files={"shop.py": FLASK}, values={"APPLIANCE_APP": "shop:app"})
    assert made(where, **NEED) is None
    assert made(project_facts(tmp_path, files={"shop.py": FLASK, "pyproject.toml": "[tool\n"}), **NEED) is None
