"""The template folders of frameworks: found without making anything that the project has not made."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import flask
import pytest

from appliance.worker.files.template_folders import template_folders


def test_flasks_folders_are_found(tmp_path: Path):
    """The application's folder and its blueprints', also within middleware; its environment is not made for that."""
    made = flask.Flask("site", root_path=str(tmp_path), template_folder="pages")
    made.register_blueprint(flask.Blueprint("shop", "shop", root_path=str(tmp_path / "shop"), template_folder="views"))
    made.register_blueprint(flask.Blueprint("bare", "bare", root_path=str(tmp_path / "bare")))
    wanted = [str(tmp_path / "pages"), str(tmp_path / "shop" / "views")]
    assert template_folders(made) == wanted
    assert template_folders(SimpleNamespace(app=SimpleNamespace(wsgi_app=made))) == wanted
    assert "jinja_env" not in vars(made)


def test_djangos_folders_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """DIRS of each engine; of Jinja's the applications' folders too."""
    config = SimpleNamespace(path=str(tmp_path / "shop"))
    engines: list[dict[str, Any]] = [
        {"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [tmp_path / "pages"], "APP_DIRS": True},
        {"BACKEND": "django.template.backends.jinja2.Jinja2", "DIRS": [], "APP_DIRS": True},
    ]
    modules: dict[str, Any] = {
        "django.conf": SimpleNamespace(settings=SimpleNamespace(configured=True, TEMPLATES=engines)),
        "django.apps": SimpleNamespace(apps=SimpleNamespace(ready=True, get_app_configs=lambda: [config])),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    assert template_folders(None) == [str(tmp_path / "pages"), str(tmp_path / "shop" / "jinja2")]
    modules["django.conf"].settings.configured = False
    assert template_folders(None) == []


def test_bottles_folders_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Bottle's folders of templates are its own list, relative ones below the project's."""
    bottle: Any = SimpleNamespace(TEMPLATE_PATH=["./", "./views/"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "bottle", bottle)
    assert template_folders(None) == [str(tmp_path), str(tmp_path / "views")]


@pytest.mark.parametrize(
    "value", [None, 3, SimpleNamespace(template_folder=7, root_path=None), SimpleNamespace(app=None)]
)
def test_of_other_frameworks_nothing_is_known(value: object):
    """Nothing is known of other frameworks, and nothing fails."""
    assert template_folders(value) == []
