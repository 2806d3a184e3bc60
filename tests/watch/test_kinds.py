"""Which files count, and as what."""

from __future__ import annotations

import pytest

from appliance.watch.kinds import Kind, Rule

ROOT = "/project"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("app.py", Kind.CODE),
        ("deep/er/module.py", Kind.CODE),
        ("site.wsgi", Kind.CODE),
        ("development.ini", Kind.CODE),
        ("fast.cpython-313-x86_64-linux-gnu.so", Kind.CODE),
        ("static/admin.py", Kind.CODE),
        (".env", Kind.ENVIRONMENT),
        (".flaskenv", Kind.ENVIRONMENT),
        ("requirements-dev.txt", Kind.DEPENDENCIES),
        ("requirements/base.in", None),
        ("pyproject.toml", Kind.DEPENDENCIES),
        ("setup.py", Kind.DEPENDENCIES),
        (".python-version", Kind.DEPENDENCIES),
        (".tool-versions", Kind.DEPENDENCIES),
        ("mise.toml", Kind.DEPENDENCIES),
        ("poetry.lock", Kind.DEPENDENCIES),
        ("environment.yml", Kind.DEPENDENCIES),
        ("requirements.py", Kind.CODE),
        ("templates/page.html", Kind.ASSET),
        ("shop/templates/mail.txt", Kind.ASSET),
        ("views/page.jinja2", Kind.ASSET),
        ("locale/de/LC_MESSAGES/django.mo", Kind.ASSET),
        ("mail.txt", None),
        ("static/page.html", None),
        ("public/index.html", None),
        ("static/site.css", None),
        ("db.sqlite3", None),
        ("config/site.yaml", Kind.CODE),
        ("site.yaml", None),
        ("sub/.env", None),
        ("app.py~", None),
        (".app.py.swp", None),
        (".#app.py", None),
        ("#app.py#", None),
        ("app.py.tmp12", None),
        ("app.py___jb_tmp___", None),
        ("4913", None),
    ],
)
def test_kinds(path: str, kind: Kind | None):
    """What a worker loads is code or an asset, what the analysis reads the environment or dependencies; no more."""
    folder, _, name = f"{ROOT}/{path}".rpartition("/")
    assert Rule(ROOT, [], ["config/*.yaml"]).kind(folder, name) is kind


def test_named_environment_files():
    """The files of variables that were named count where they are, and others of the same name do not."""
    rule = Rule(ROOT, ["config/.env.test"])
    assert rule.kind(f"{ROOT}/config", ".env.test") is Kind.ENVIRONMENT
    assert rule.kind(ROOT, ".env.test") is None
    assert rule.kind(ROOT, ".env") is None
