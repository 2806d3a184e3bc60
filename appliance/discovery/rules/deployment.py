"""The rule for what starts the project elsewhere: a Procfile, a Dockerfile, the configuration of a server or a host.

Owns which files are looked at, and how a command line is read. Must not know what its target is: ``explicit`` does.
Runs in the appliance's own interpreter.
"""

from __future__ import annotations

import re
import shlex
from itertools import islice
from typing import TYPE_CHECKING

from appliance.discovery.asgi_applications import AsgiError
from appliance.discovery.rules.explicit import explicit_target
from appliance.discovery.target import Finding, Look, Ruling, Target
from appliance.errors import ApplicationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RULE = "What starts it elsewhere"
# In this order: the more a file is about starting, the more it is to be believed.
FILES = (
    "Procfile", "Procfile.dev", "gunicorn.conf.py", "uwsgi.ini", "zappa_settings.json", "app.json", "app.yaml",
    "render.yaml", "fly.toml",
    "railway.json", "railway.toml", "nixpacks.toml", "Dockerfile", "docker-compose.yml", "compose.yaml",
    "entrypoint.sh", "start.sh", "run.sh", "boot.sh", "Makefile",
)  # fmt: skip
_SERVERS = frozenset({"gunicorn", "waitress-serve", "mod_wsgi-express", "gunicorn3", "uwsgi", "pserve"})
_START = re.compile(
    r"(?:^|[\s\"'\[/,=])(gunicorn3?|waitress-serve|uwsgi|mod_wsgi-express|pserve|flask|python3?)(?=[\s\"',])"
)
# Options of a server that name what it serves: a file of PasteDeploy's, a module's file, a module.
_PASTE = ("--paste", "--paster", "--ini-paste", "--ini-paste-logged")
_FILE = ("--wsgi-file", "--file")
_MODULE = ("--module", "-w", "--wsgi")
_TARGET = re.compile(r"[A-Za-z_][\w.]*(:[A-Za-z_][\w.]*(\(.*\))?)?\Z")
_SETTINGS = re.compile(
    r"^[ \t]*(?:wsgi_app|module|wsgi-file|wsgi)[ \t]*=[ \t]*[\"']?([\w./-]+(?::[\w.]+(?:\(\))?)?)", re.MULTILINE
)
_ZAPPA = re.compile(r"\"app_function\"\s*:\s*\"([\w.]+)\.(\w+)\"")
_FOLDER = re.compile(r"(?:--chdir[= ]|--pythonpath[= ]|\bcd )\s*[\"']?([\w./-]{1,200})")
_WORKDIR = re.compile(r"^\s*(?:WORKDIR|working_dir:)\s+[\"']?([\w./-]{1,200})")
_FLASK = re.compile(r"FLASK_APP\s*[=:]\s*[\"']?([\w./:()-]+)")
# ``uvicorn shop.main:app --port 80``, ``CMD ["hypercorn", "main:app"]``, ``gunicorn -k uvicorn.workers.UvicornWorker``
_ASGI = re.compile(
    r"\b(?:uvicorn|hypercorn|daphne|granian)\b[^\n&|;]{0,200}?[\s\"']([A-Za-z_][\w.]{0,200}:[A-Za-z_]\w*(?:\(\))?)"
)
_LONGEST = 200_000
_LONGEST_LINE = 4_000  # characters of a command; and so many starts in it are looked at
_MOST_STARTS = 8
_LONGEST_NAME = 200


def deployment_rule(look: Look) -> Ruling:
    """The first application that one of these files names, and that is there."""
    findings: list[Finding] = []
    tried: set[str] = set()
    asgi: tuple[Target, ...] = ()
    for name in FILES:
        for text in _named(look, look.root / name):
            if text in tried or len(text) > _LONGEST_NAME:
                continue
            tried.add(text)
            try:
                target = explicit_target(look, text, name)
            except ApplicationError as error:
                findings.append(Finding(RULE, f"{name}: {text}", error.found, "passed over"))
                asgi = asgi or ((error.target,) if isinstance(error, AsgiError) else ())
                continue
            if not target.file and target.kind != "django":
                findings.append(Finding(RULE, f"{name}: {text}", "it is not in the project", "passed over"))
                continue
            if text.endswith(".py") and target.kind == "object" and not target.attribute:
                # One of the scripts that a project has: what makes its documentation, say.
                findings.append(Finding(RULE, f"{name}: {text}", "it serves nothing that can be seen", "passed over"))
                continue
            findings.append(Finding(RULE, f"{name}: {text}", f"it names {target.name}", "chosen"))
            return Ruling(tuple(findings), target)
    return Ruling(
        tuple(findings) or (Finding(RULE, "Procfile, Dockerfile, ...", "none names an application", "nothing"),),
        asgi=asgi,
    )


def _named(look: Look, file: Path) -> Iterator[str]:
    try:
        text = file.read_text("utf-8", "replace")[:_LONGEST]
    except OSError:
        return
    if file.name in {"gunicorn.conf.py", "uwsgi.ini"}:
        yield from _SETTINGS.findall(text)
        return
    if file.name == "zappa_settings.json":
        yield from (f"{module}:{name}" for module, name in _ZAPPA.findall(text))
        return
    workdir = ""
    for whole in re.sub(r"\\\n", " ", text).splitlines():
        line = whole[:_LONGEST_LINE]
        if line.lstrip().startswith(("#", "//")):
            continue
        set_here = _WORKDIR.match(line)
        workdir = set_here[1] if set_here else workdir
        for named in (*_FLASK.findall(line), *_started(look, line), *_ASGI.findall(line)):
            if len(named) > _LONGEST_NAME:
                continue
            # From the folder that the command goes to first, then from the root, then from where the image has it.
            folders = _FOLDER.findall(line)[-1:]
            seen = (
                *(_within(look, folder, named) for folder in folders),
                named,
                _within(look, workdir, named),
                _within(look, "", named),
            )
            yield from filter(None, seen)


def _started(look: Look, line: str) -> Iterator[str]:
    for start in islice(_START.finditer(line), _MOST_STARTS):
        words = _words(line[start.start(1) :])
        yield from filter(None, [_of_server(words) if words and words[0] in _SERVERS else _of_python(look, words)])


def _within(look: Look, folder: str, named: str) -> str:
    """What is named as seen from a folder, as seen from the root; empty where it is not there.

    Of a folder of an image (``WORKDIR /srv/backend``) only the end can be found again.
    """
    place, colon, attribute = named.partition(":")
    is_path = place.endswith((".py", ".ini"))
    if not folder and not (is_path and place.startswith("/")):
        return ""
    whole = f"{folder}/{place if is_path else place.replace('.', '/')}"
    parts = [part for part in whole.split("/") if part not in {"", "."}]
    # Of the folder and the file as the image has them the longest end that is here, from the root or from src/.
    for first in range(len(parts)):
        base = "/".join(parts[first:])
        for path in (base, f"{base}.py", f"{base}/__init__.py"):
            for start in ("", "src/"):
                if (look.root / start / path).is_file():
                    return f"{start}{path}{colon}{attribute}"
        if first >= len(parts) - 2 and not is_path:
            break
    return ""


def _words(command: str) -> list[str]:
    """A command line, or a JSON array of its words as a Dockerfile has it."""
    command = re.split(r"\s(?:&&|\|\||;|\|)\s", command)[0]
    if re.match(r"[\w-]+[\"']\s*,", command):
        return [word for word in re.split(r"[\"'\s,\]]+", command) if word]
    try:
        return shlex.split(command, comments=True)
    except ValueError:
        return command.replace('"', " ").replace("'", " ").split()


def _of_server(words: list[str]) -> str:
    paste = _option(words, _PASTE) or next((word for word in words[1:] if word.endswith(".ini")), "")
    if paste:
        return paste.removeprefix("config:")
    named = (_option(words, _FILE) or _option(words, _MODULE)) if words[0] == "uwsgi" else ""
    if named:
        bound = _option(words, ("--callable",))
        return f"{named}:{bound}" if bound and ":" not in named else named
    # Options first or last: the target is the one word with a colon, else the last one that could be a module.
    fitting = [word for word in words[1:] if _TARGET.match(word)]
    text = next((word for word in fitting if ":" in word), fitting[-1] if fitting else "")
    # ``waitress-serve --call shop:create_app``
    return f"{text}()" if "--call" in words and ":" in text and not text.endswith(")") else text


def _option(words: list[str], names: tuple[str, ...]) -> str:
    """The value of an option, written either way."""
    for index, word in enumerate(words):
        name, sign, value = word.partition("=")
        if name in names:
            return value if sign else next(iter(words[index + 1 :]), "")
    return ""


def _of_python(look: Look, words: list[str]) -> str:
    """``python app.py``, ``python -m shop``, ``flask --app shop run``; nothing where manage.py is given a command."""
    if words[:1] == ["flask"]:
        for option in ("--app", "-A"):
            if option in words[:-1]:
                return words[words.index(option) + 1]
        return next((word.partition("=")[2] for word in words if word.startswith("--app=")), "")
    script = next((word for word in words[1:] if not word.startswith("-")), "")
    rest = words[words.index(script) :] if script else []
    if rest and "-m" in words[: -len(rest)]:
        if script in _SERVERS or script == "waitress":
            return _of_server(rest)
        file = look.modules.find(f"{script}.__main__") or look.modules.find(script)
        return _of_python(look, rest) if script == "flask" else look.name(file) if file else ""
    return script if script.endswith(".py") and script not in {"manage.py", "setup.py"} else ""
