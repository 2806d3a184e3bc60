"""Which files count, and as what."""

from __future__ import annotations

import re

import pytest

from appliance.watch.kinds import Kind, Rule, watched_names

ROOT = "/project"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("app.py", Kind.CODE),
        ("deep/er/module.py", Kind.CODE),
        ("site.wsgi", Kind.CODE),
        ("development.ini", Kind.CODE),
        ("pytest.ini", None),
        ("shop/tox.ini", None),
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
        ("views/page.jinja2", None),
        ("report.html", None),
        ("htmlcov/index.html", None),
        ("locale/de/LC_MESSAGES/django.mo", Kind.ASSET),
        ("uploads/django.mo", None),
        ("mail.txt", None),
        ("static/page.html", Kind.STATIC),
        ("public/index.html", Kind.STATIC),
        ("static/site.css", Kind.STATIC),
        ("theme/site.css", Kind.STATIC),
        ("static/logo.png", Kind.STATIC),
        ("uploads/photo.png", None),
        ("src/app.js", None),
        ("db.sqlite3", None),
        ("config/site.yaml", Kind.CODE),
        ("site.yaml", None),
        ("sub/.env", None),
        ("app.py~", None),
        (".app.py.swp", None),
        (".#app.py", None),
        (".requirements.txt.swp", None),
        (".#requirements.txt", None),
        ("#requirements.txt#", None),
        ("requirements.txt~", None),
        (".~requirements.txt", None),
        ("requirements.txt___jb_tmp___", None),
        ("requirements.txt.tmp.4182.17", None),
        ("requirements.lock", Kind.DEPENDENCIES),
        ("requirements", Kind.DEPENDENCIES),
        ("requirements_py3.10.txt", Kind.DEPENDENCIES),
        ("dev-requirements.in", Kind.DEPENDENCIES),
        ("#app.py#", None),
        ("flycheck_app.py", None),
        ("app.py.tmp12", None),
        ("app.py___jb_tmp___", None),
        ("4913", None),
    ],
)
def test_each_file_has_its_kind(path: str, kind: Kind | None):
    """A file that a worker loads is code or an asset; one that the analysis reads is environment or dependencies."""
    folder, _, name = f"{ROOT}/{path}".rpartition("/")
    assert Rule(ROOT, [], ["config/*.yaml"]).kind(folder, name) is kind


def test_named_environment_files_count_where_they_are():
    """The files of variables that were named count where they are, and others of the same name do not."""
    rule = Rule(ROOT, ["config/.env.test"])
    assert rule.kind(f"{ROOT}/config", ".env.test") is Kind.ENVIRONMENT
    assert rule.kind(ROOT, ".env.test") is None
    assert rule.kind(ROOT, ".env") is None


def test_a_folder_that_a_framework_names_holds_templates():
    """A folder that a framework names holds templates, whatever it is called; the whole project may be one."""
    rule = Rule(ROOT)
    assert rule.add_template_folders([f"{ROOT}/views", f"{ROOT}/public/pages"]) == [
        f"{ROOT}/views",
        f"{ROOT}/public/pages",
    ]
    assert rule.add_template_folders([f"{ROOT}/views"]) == []
    for path in ("views/page.html", "views/mails/welcome.txt", "public/pages/index.html"):
        folder, _, name = f"{ROOT}/{path}".rpartition("/")
        assert rule.kind(folder, name) is Kind.ASSET
    assert rule.kind(f"{ROOT}/public", "index.html") is Kind.STATIC
    rule.add_template_folders([ROOT])
    assert rule.kind(ROOT, "page.html") is Kind.ASSET
    assert rule.kind(ROOT, "notes.txt") is None
    assert rule.kind(f"{ROOT}/public", "index.html") is Kind.STATIC


@pytest.mark.parametrize(
    ("path", "may_count"),
    [
        ("/project/app.py", True),
        ("/project/deep/page.html", True),
        ("/project/.env", True),
        ("/project/requirements-dev.txt", True),
        ("/project/site.log", False),
        ("/project/db.sqlite3", False),
        ("/project/uploads/photo.jpg", False),
        ("/project/my.env", False),
    ],
)
def test_a_write_is_reported_where_its_name_may_count(path: str, may_count: bool):
    """A worker reports a write if the name may count, and is silent about all others."""
    assert bool(re.search(watched_names((), ()), path)) is may_count
    assert re.search(watched_names((), ("*.log",)), path)
