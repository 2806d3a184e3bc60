"""The rule for files that start the project elsewhere: a Procfile, a Dockerfile, the configuration of a server or host.

This module knows which files to read, and how to read a command line. ``target_forms`` finds the target of a name. Runs
in the supervisor and in commands.
"""

from __future__ import annotations

import re
import shlex
from itertools import islice
from typing import TYPE_CHECKING

from appliance.conventions import COMPOSE_FILES
from appliance.discovery.asgi_applications import AsgiError
from appliance.discovery.rules.target_forms import explicit_target
from appliance.discovery.target import Context, Finding, RuleResult, Target
from appliance.errors import ApplicationError
from appliance.identity.folder import has_file
from appliance.identity.regular_file import read_text_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RULE = "Deployment files"
# In this order: the more a file is about starting, the more it is trusted.
FILES = (
    "Procfile", "Procfile.dev", "gunicorn.conf.py", "uwsgi.ini", "zappa_settings.json", "app.json", "app.yaml",
    "render.yaml", "fly.toml",
    "railway.json", "railway.toml", "nixpacks.toml", "Dockerfile", *COMPOSE_FILES,
    "entrypoint.sh", "start.sh", "run.sh", "boot.sh", "Makefile",
)  # fmt: skip
_SERVERS = frozenset({"gunicorn", "waitress-serve", "mod_wsgi-express", "gunicorn3", "uwsgi", "pserve"})
_START = re.compile(
    r"(?:^|[\s\"'\[/,=])(gunicorn3?|waitress-serve|uwsgi|mod_wsgi-express|pserve|flask|python3?)(?=[\s\"',])"
)
# Options of a server that name the application: a PasteDeploy file, a module's file, a module.
_PASTE = ("--paste", "--paster", "--ini-paste", "--ini-paste-logged")
_FILE = ("--wsgi-file", "--file")
_MODULE = ("--module", "-w", "--wsgi")
_TARGET = re.compile(r"[A-Za-z_][\w.]*(:[A-Za-z_][\w.]*(\(.*\))?)?\Z")
_SETTINGS = re.compile(
    r"^[ \t]*(?:wsgi_app|module|wsgi-file|wsgi)[ \t]*=[ \t]*[\"']?([\w./-]+(?::[\w.]+(?:\(\))?)?)", re.MULTILINE
)
# The folder and the name that such a file gives in lines of their own; ``%d`` is the file's folder.
_CHDIR = re.compile(r"^[ \t]*chdir[ \t]*=[ \t]*[\"']?(?:%d/?)?([\w./-]{1,200})", re.MULTILINE)
_CALLABLE = re.compile(r"^[ \t]*callable[ \t]*=[ \t]*(\w{1,200})", re.MULTILINE)
# A command of YAML, an argument a line.
_LISTED = re.compile(r"^([ \t]*(?:command|entrypoint|args):)[ \t]*\n((?:[ \t]*-[ \t]+.*(?:\n|\Z))+)", re.MULTILINE)
# Arguments with a colon that name no application: a socket, a file of settings.
_ASIDE = ("unix:", "python:", "file:")
_ZAPPA = re.compile(r"\"app_function\"\s*:\s*\"([\w.]+)\.(\w+)\"")
_FOLDER = re.compile(r"(?:--chdir[= ]|--pythonpath[= ]|\bcd )\s*[\"']?([\w./-]{1,200})")
_WORKDIR = re.compile(r"^\s*(?:WORKDIR|working_dir:)\s+[\"']?([\w./-]{1,200})")
_FLASK = re.compile(r"FLASK_APP\s*[=:]\s*[\"']?([\w./:()-]+)")
# ``uvicorn shop.main:app --port 80``, ``CMD ["hypercorn", "main:app"]``, ``gunicorn -k uvicorn.workers.UvicornWorker``
_ASGI = re.compile(
    r"\b(?:uvicorn|hypercorn|daphne|granian)\b[^\n&|;]{0,200}?[\s\"']([A-Za-z_][\w.]{0,200}:[A-Za-z_]\w*(?:\(\))?)"
)
_MAX_CHARACTERS = 200_000
_MAX_LINE = 4_000  # characters of a command
_MAX_STARTS = 8  # program names in one command
_MAX_NAME = 200


def deployment_rule(context: Context) -> RuleResult:
    """Return the first application that one of these files names, and that exists."""
    findings: list[Finding] = []
    tried: set[str] = set()
    asgi: tuple[Target, ...] = ()
    for name in FILES:
        for text in _named(context, context.root / name):
            if text in tried or len(text) > _MAX_NAME:
                continue
            tried.add(text)
            try:
                target = explicit_target(context, text, name)
            except ApplicationError as error:
                findings.append(Finding(RULE, f"{name}: {text}", error.found, "passed over"))
                asgi = asgi or ((error.target,) if isinstance(error, AsgiError) else ())
                continue
            if not target.file and target.kind != "django":
                findings.append(Finding(RULE, f"{name}: {text}", "it is not in the project", "passed over"))
                continue
            if text.endswith(".py") and target.kind == "object" and not _may_serve(context, target):
                # One of the project's scripts: it may make the documentation, for example.
                findings.append(Finding(RULE, f"{name}: {text}", "nothing shows that it serves", "passed over"))
                continue
            findings.append(Finding(RULE, f"{name}: {text}", f"it names {target.name}", "chosen"))
            return RuleResult(tuple(findings), target)
    return RuleResult(
        tuple(findings) or (Finding(RULE, "Procfile, Dockerfile, ...", "none names an application", "nothing"),),
        asgi=asgi,
    )


def _may_serve(context: Context, target: Target) -> bool:
    """Whether a named file can be the one that serves: it binds an application, and does not import it to test it."""
    source = context.modules.source(context.root / target.file)
    bound = source.values.get(target.attribute)
    imported = bound is not None and bound.kind == "reference" and target.attribute not in source.served
    return bool(target.attribute) and not (imported and source.imports & {"unittest", "pytest"})


def _named(context: Context, file: Path) -> Iterator[str]:
    try:
        text = read_text_of(file)[:_MAX_CHARACTERS]
    except OSError:
        return
    if file.name in {"gunicorn.conf.py", "uwsgi.ini"}:
        yield from _configured(context, text)
        return
    if file.name == "zappa_settings.json":
        yield from (f"{module}:{name}" for module, name in _ZAPPA.findall(text))
        return
    workdir = ""
    text = _LISTED.sub(_joined, text)
    for whole in re.sub(r"\\\n", " ", text).splitlines():
        line = whole[:_MAX_LINE]
        if line.lstrip().startswith(("#", "//")):
            continue
        set_here = _WORKDIR.match(line)
        workdir = set_here[1] if set_here else workdir
        for named in (*_FLASK.findall(line), *_started(context, line), *_ASGI.findall(line)):
            if len(named) > _MAX_NAME:
                continue
            # First from the folder that the command changes to, then from the root, then from the image's folder.
            folders = _FOLDER.findall(line)[-1:]
            seen = (
                *(_within(context, folder, named) for folder in folders),
                named,
                _within(context, workdir, named),
                _within(context, "", named),
            )
            yield from filter(None, seen)


def _joined(listed: re.Match[str]) -> str:
    """Return a command of YAML as one line."""
    return " ".join([listed[1], *re.findall(r"(?m)^[ \t]*-[ \t]+(.*)$", listed[2])]) + "\n"


def _configured(context: Context, text: str) -> Iterator[str]:
    """Yield the application that a server's own file names, first from the folder that the server changes to."""
    folder, bound = _CHDIR.search(text), _CALLABLE.search(text)
    for named in _SETTINGS.findall(text):
        whole = f"{named}:{bound[1]}" if bound and ":" not in named else named
        yield from filter(None, [_within(context, folder[1], whole) if folder else "", whole])


def _started(context: Context, line: str) -> Iterator[str]:
    for start in islice(_START.finditer(line), _MAX_STARTS):
        args = _arguments(line[start.start(1) :])
        yield from filter(None, [_of_server(args) if args and args[0] in _SERVERS else _of_python(context, args)])


def _within(context: Context, folder: str, named: str) -> str:
    """Rewrite a name relative to ``folder`` as one relative to the root; return an empty text if it does not exist.

    Only the last parts of a folder in an image (``WORKDIR /srv/backend``) can exist here.
    """
    place, colon, attribute = named.partition(":")
    is_path = place.endswith((".py", ".ini"))
    if not folder and not (is_path and place.startswith("/")):
        return ""
    whole = f"{folder}/{place if is_path else place.replace('.', '/')}"
    parts = [part for part in whole.split("/") if part not in {"", "."}]
    # Use the longest end of the folder's and file's path in the image that exists here, in the root or in src/.
    for first in range(len(parts)):
        base = "/".join(parts[first:])
        for path in (base, f"{base}.py", f"{base}/__init__.py"):
            for start in ("", "src/"):
                if has_file(context.root / start / path):
                    return f"{start}{path}{colon}{attribute}"
        if first >= len(parts) - 2 and not is_path:
            break
    return ""


def _arguments(command: str) -> list[str]:
    """Split a command line, or a JSON array of its arguments as in a Dockerfile."""
    command = re.split(r"\s(?:&&|\|\||;|\|)\s", command)[0]
    if re.match(r"[\w-]+[\"']\s*,", command):
        return [arg for arg in re.split(r"[\"'\s,\]]+", command) if arg]
    try:
        return shlex.split(command, comments=True)
    except ValueError:
        return command.replace('"', " ").replace("'", " ").split()


def _of_server(args: list[str]) -> str:
    paste = _option(args, _PASTE) or next((arg for arg in args[1:] if arg.endswith(".ini")), "")
    if paste:
        return paste.removeprefix("config:")
    named = (_option(args, _FILE) or _option(args, _MODULE)) if args[0] == "uwsgi" else ""
    if named:
        bound = _option(args, ("--callable",))
        return f"{named}:{bound}" if bound and ":" not in named else named
    # Options come first or last: the target is the one argument with a colon, else the last that could be a module.
    fitting = [arg for arg in args[1:] if _TARGET.match(arg) and not arg.startswith(_ASIDE)]
    text = next((arg for arg in fitting if ":" in arg), fitting[-1] if fitting else "")
    # ``waitress-serve --call shop:create_app``
    return f"{text}()" if "--call" in args and ":" in text and not text.endswith(")") else text


def _option(args: list[str], names: tuple[str, ...]) -> str:
    """Return the value of an option, in either form."""
    for index, arg in enumerate(args):
        name, sign, value = arg.partition("=")
        if name in names:
            return value if sign else next(iter(args[index + 1 :]), "")
    return ""


def _of_python(context: Context, args: list[str]) -> str:
    """Read ``python app.py``, ``python -m shop``, ``flask --app shop run``; return nothing for a manage.py command."""
    if args[:1] == ["flask"]:
        for option in ("--app", "-A"):
            if option in args[:-1]:
                return args[args.index(option) + 1]
        return next((arg.partition("=")[2] for arg in args if arg.startswith("--app=")), "")
    script = next((arg for arg in args[1:] if not arg.startswith("-")), "")
    rest = args[args.index(script) :] if script else []
    if rest and "-m" in args[: -len(rest)]:
        if script in _SERVERS or script == "waitress":
            return _of_server(rest)
        file = context.modules.find(f"{script}.__main__") or context.modules.find(script)
        return _of_python(context, rest) if script == "flask" else context.name(file) if file else ""
    return script if script.endswith(".py") and script not in {"manage.py", "setup.py"} else ""
