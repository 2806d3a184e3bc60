"""Serve Django as its ``runserver`` does: static files, system checks, the notice of unapplied migrations.

Uses only the project's own Django, of any version. Runs in the worker: ``application`` at the start, ``check_later`` in
another thread, once the project is served.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...server.pages.tracebacks import MAX_LINE, safe_str

if TYPE_CHECKING:
    from ..hooks import Hooks

Report = Callable[[str, str, dict[str, object]], None]

# A browser requests a page as soon as the server is ready. So work that blocks the interpreter for 50 to 100 ms comes
# later.
_LATER_S = 1.0
_NAMES_MAX = 20
_LEVELS = ((40, "error"), (30, "warning"))


def prepare() -> None:
    """Set ``sys.argv`` before any import of the project: many projects check it to see whether they are served."""
    sys.argv[:] = ["manage.py", "runserver"]


def application(hooks: Hooks) -> Any:
    """Return the application that WSGI_APPLICATION names, or the default; with DEBUG it serves static files too."""
    if os.environ.get("DJANGO_CONFIGURATION") and importlib.util.find_spec("configurations"):  # noqa: TID251  the project's
        _import("configurations").setup()  # the settings are classes, which Django alone can't read
    found = _import("django.core.servers.basehttp").get_internal_wsgi_application()
    return hooks.call("static files of Django", _with_static_files, found, otherwise=found)


def _with_static_files(application: Any) -> Any:
    settings = _import("django.conf").settings
    if not settings.DEBUG or "django.contrib.staticfiles" not in settings.INSTALLED_APPS:
        return application
    return _import("django.contrib.staticfiles.handlers").StaticFilesHandler(application)


def check_later(hooks: Hooks, root: str) -> None:
    """Check the project once it is served, in another thread."""
    hooks.call("checks of Django", _start, hooks, root, otherwise=None)


def _start(hooks: Hooks, root: str) -> None:
    check = hooks.guarded("checks of Django", _check_project, otherwise=None)
    timer = threading.Timer(_LATER_S, check, (hooks.report, root))
    timer.name = "appliance-django"
    timer.daemon = True
    timer.start()


def _check_project(report: Report, root: str) -> None:
    try:
        _check(report)
        _count_migrations(report, root)
    except Exception as error:  # noqa: BLE001  a database that does not respond, an app whose checks raise
        from ...server.pages import error_page  # noqa: PLC0415  10 ms

        found = error_page.report(error, root=root, kind="import")
        report("warning", "django.unchecked", {"reason": found["title"], "action": found.get("action", "")})
    finally:
        _import("django.db").connections.close_all()  # this thread's connections


def _check(report: Report) -> None:
    django, settings = _import("django"), _import("django.conf").settings
    issues = [issue for issue in _import("django.core.checks").run_checks() if not issue.is_silenced()]
    worst = max((issue.level for issue in issues), default=0)
    level = next((word for least, word in _LEVELS if worst >= least), "info")
    fields = {
        "version": django.get_version(),
        "settings": settings.SETTINGS_MODULE,
        "debug": settings.DEBUG,
        "count": len(issues),
        "issues": [safe_str(issue, MAX_LINE) for issue in issues[:_NAMES_MAX]],
    }
    report(level if issues else "debug", "django.checked", fields)


def _count_migrations(report: Report, root: str) -> None:
    if not _import("django.conf").settings.DATABASES:
        return
    executor = _import("django.db.migrations.executor").MigrationExecutor(_database())
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not plan:
        return
    from ...server.pages.advice.missing_dependencies import run_in_environment  # noqa: PLC0415  as above
    from ...server.pages.advice.project_files import table_command  # noqa: PLC0415  as above

    command = table_command(root) or "python manage.py migrate"
    fields: dict[str, object] = {
        "count": len(plan),
        "apps": sorted({migration.app_label for migration, _ in plan}),
        "names": [f"{migration.app_label}.{migration.name}" for migration, _ in plan[:_NAMES_MAX]],
        "action": f"{run_in_environment(command)} (or set APPLIANCE_BEFORE_START={command!r}).",
    }
    report("warning", "migrations.found", fields)


def _database() -> Any:
    """Return the default connection; None if connecting would create SQLite's file: then no migration is applied."""
    connection = _import("django.db").connections["default"]
    name = str(connection.settings_dict.get("NAME") or "")
    file = connection.vendor == "sqlite" and not name.startswith("file:")
    return None if file and not os.path.exists(name) else connection


def _import(name: str) -> Any:
    return importlib.import_module(name)  # noqa: TID251  the project's own Django
