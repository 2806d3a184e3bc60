"""Import the application as a production server would, and print facts that only the import shows: settings, routes.

A program of its own: ``appliance eject`` starts it by path, in the project's interpreter and environment. It imports
nothing of ours, and prints one JSON object. The project's own output goes to stderr.
"""

import inspect
import json
import os
import platform
import re
import sys
import traceback
from typing import Any

_ROUTES_MAX = 200
_PLAIN = re.compile(r"/[\w./~+@-]*\Z")


def main(given: str) -> None:
    """Print the facts of the application that ``given`` names, a JSON object."""
    asked = json.loads(given)
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.path[:1] = asked["path"]
    facts: dict[str, Any] = {"python": platform.python_version(), "implementation": platform.python_implementation()}
    try:
        application = _application(asked, facts)
    except BaseException as error:  # noqa: BLE001  the project may raise anything, SystemExit too
        facts["error"] = _described(error, asked["root"])
    else:
        if not callable(application):
            facts["error"] = f"it is a {type(application).__name__}, not a WSGI application"
        facts["django"] = _optional(_django_facts)
        facts["routes"] = _plain_routes(application)
    answer.write(json.dumps(facts))
    answer.close()
    os._exit(0)  # threads of the project may keep the process alive


def _application(asked: dict[str, Any], facts: dict[str, Any]) -> Any:
    if asked["text"]:
        namespace: dict[str, Any] = {"__name__": "production_wsgi", "__file__": asked["file"]}
        exec(compile(asked["text"], asked["file"], "exec"), namespace)  # noqa: S102  the text of a file of ours
        return namespace["application"]
    name, _, attribute = asked["reference"].partition(":")
    __import__(name)
    found: Any = sys.modules[name]
    for part in attribute.split("."):
        found = getattr(found, part)
    facts["factory"] = asked["factory"] or (asked["by_signature"] and _is_factory(found))
    return found() if facts["factory"] else found


def _is_factory(found: Any) -> bool:
    """Whether the object can be called without arguments, and not with (environ, start_response)."""
    try:
        signature = inspect.signature(found)
        signature.bind()
    except (TypeError, ValueError):
        return False
    try:
        signature.bind(None, None)
    except TypeError:
        return True
    return False


def _described(error: BaseException, root: str) -> str:
    """Return the exception in one line, with the project's innermost line."""
    places = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(root + "/")]
    place = f" ({os.path.relpath(places[-1].filename, root)}:{places[-1].lineno})" if places else ""
    if isinstance(error, SyntaxError) and error.filename:
        place = f" ({os.path.basename(error.filename)}:{error.lineno})"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:400]}{place}"


def _optional(facts: Any) -> Any:
    try:
        return facts()
    except Exception:  # noqa: BLE001  a fact that can't be read is not known
        return None


def _django_facts() -> dict[str, Any] | None:
    configuration = sys.modules.get("django.conf")
    if configuration is None or not configuration.settings.configured:
        return None
    settings = configuration.settings
    return {
        "debug": bool(settings.DEBUG),
        # As security.W009 recognises it; Django raises if the key is empty.
        "public_key": bool(_optional(lambda: settings.SECRET_KEY.startswith("django-insecure-"))),
        "hosts": [str(host) for host in settings.ALLOWED_HOSTS],
        "static_root": str(settings.STATIC_ROOT or ""),
        "static_url": str(settings.STATIC_URL or ""),
        "media_root": str(settings.MEDIA_ROOT or ""),
        "collects": "django.contrib.staticfiles" in settings.INSTALLED_APPS,
        "whitenoise": any("whitenoise" in str(each).lower() for each in settings.MIDDLEWARE),
        "https": bool(settings.SECURE_SSL_REDIRECT),
        "databases": {
            str(name): [str(values.get("ENGINE", "")), str(values.get("NAME", ""))]
            for name, values in settings.DATABASES.items()
            if values.get("ENGINE")
        },
    }


def _plain_routes(application: Any) -> list[str]:
    """Return the paths without parameters that the framework knows, at most so many."""
    found: list[str] = []
    for routes in (_flask_routes, _django_routes, _pyramid_routes, _falcon_routes, _bottle_routes):
        found += _optional(lambda routes=routes: routes(application)) or []
    paths = {"/" + path.lstrip("/") for path in found}
    return sorted(path for path in paths if _PLAIN.match(path))[:_ROUTES_MAX]


def _flask_routes(application: Any) -> list[str]:
    return [
        rule.rule for rule in application.url_map.iter_rules() if not rule.arguments and "GET" in (rule.methods or ())
    ]


def _django_routes(_application: Any) -> list[str]:
    if "django.urls" not in sys.modules or _django_facts() is None:
        return []
    resolver = sys.modules["django.urls"].get_resolver()
    found: list[str] = []
    waiting = [("", each) for each in resolver.url_patterns]
    while waiting and len(found) < _ROUTES_MAX:
        before, each = waiting.pop()
        text = str(each.pattern)
        if re.match(r"\^", text):  # a regular expression: only one that is plain text is a path
            text = re.sub(r"\\?\Z|\$\Z|\\Z\Z", "", text[1:])
        if each.pattern.converters or re.search(r"[()\[\]*+?|<>^$\\]", text):
            continue
        if hasattr(each, "url_patterns"):
            waiting += [(before + text, below) for below in each.url_patterns]
        else:
            found.append(before + text)
    return found


def _pyramid_routes(application: Any) -> list[str]:
    interfaces = sys.modules["pyramid.interfaces"]
    mapper = application.registry.queryUtility(interfaces.IRoutesMapper)
    return [route.pattern for route in mapper.get_routes() if not re.search(r"[{:*]", route.pattern)]


def _falcon_routes(application: Any) -> list[str]:
    __import__("falcon.inspect")
    routes = sys.modules["falcon.inspect"].inspect_routes(application)
    return [route.path for route in routes if "{" not in route.path]


def _bottle_routes(application: Any) -> list[str]:
    return [route.rule for route in application.routes if route.method == "GET" and not re.search(r"[<:*]", route.rule)]


if __name__ == "__main__":
    main(sys.argv[1])
