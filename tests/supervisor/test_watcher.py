"""Which saves count, and as what; and that the thread tells of them."""

from __future__ import annotations

import queue
from pathlib import Path

import pytest

from appliance.supervisor.watcher import Kind, Rule, Watcher

ROOT = Path("/project")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("app.py", Kind.CODE),
        ("deep/er/module.py", Kind.CODE),
        ("site.wsgi", Kind.CODE),
        (".env", Kind.PROJECT),
        (".flaskenv", Kind.PROJECT),
        ("requirements-dev.txt", Kind.PROJECT),
        ("pyproject.toml", Kind.PROJECT),
        ("templates/page.html", None),
        ("db.sqlite3", None),
        ("node_modules/x/setup.py", None),
        (".venv/lib/python3.13/site-packages/flask/app.py", None),
        ("__pycache__/app.cpython-313.pyc", None),
        (".git/hooks/pre-commit.py", None),
        ("uploads/one.py", None),
        ("api_pb2.generated.py", None),
    ],
)
def test_kinds(path: str, kind: Kind | None):
    """What a worker loads is code, what the analysis reads is the project's; everything else is nobody's business."""
    rule = Rule(ROOT, ["uploads/*", "*.generated.py"], [])
    assert rule.kind(str(ROOT / path)) is kind


def test_named_files():
    """A file that the plan has read counts, wherever it is and whatever its name."""
    rule = Rule(ROOT, [], [])
    assert rule.kind("/shared/constraints") is None
    rule.also([Path("/shared/constraints")])
    assert rule.kind("/shared/constraints") is Kind.PROJECT


def test_tells(tmp_path: Path):
    """A save is told with its kind and its path relative to the root; what is ignored is not."""
    told: queue.SimpleQueue[dict[str, Kind]] = queue.SimpleQueue()
    failures: list[str] = []
    (tmp_path / "app.py").write_text("1", encoding="utf-8")
    watcher = Watcher(
        tmp_path, Rule(tmp_path, [], []), changed=told.put, failed=lambda reason, _: failures.append(reason)
    )
    watcher.start()
    news: dict[str, Kind] = {}
    number = 0
    while not news:  # the watch begins some time after start
        number += 1
        (tmp_path / "page.html").write_text(str(number), encoding="utf-8")
        (tmp_path / "app.py").write_text(str(number), encoding="utf-8")
        try:
            news = told.get(timeout=0.2)
        except queue.Empty:
            continue
    watcher.stop()
    assert (news, failures) == ({"app.py": Kind.CODE}, [])
