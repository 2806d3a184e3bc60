"""Any input of a client or a project is searched in linear time, on both sides: nobody else waits for it."""

from __future__ import annotations

import builtins
import contextlib
import io
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance import masking, package_names
from appliance.config import env
from appliance.dependencies.formats import dependency_spec
from appliance.dependencies.manifest_search import read_manifest
from appliance.discovery import entrypoints, setup_files
from appliance.discovery.project import find_application
from appliance.environment.failures import uv_errors
from appliance.environment.python.python_requirement import read_python_requirements
from appliance.errors import ApplianceError
from appliance.logs.access_rules import Rules
from appliance.logs.project_output import logging_events, output_events
from appliance.logs.project_output.blocks import Blocks, stands_alone
from appliance.logs.project_output.output_lines import OutputLines
from appliance.logs.project_output.traceback_text import TracebackText, as_text, short_paths
from appliance.logs.render import abandoned_requests, access
from appliance.logs.render.colour import Palette
from appliance.logs.render.console import Console
from appliance.logs.render.json_line import json_line
from appliance.logs.sanitise import sanitise, sanitised
from appliance.protocol import request_summary, traces
from appliance.protocol.access_record import AccessRecord
from appliance.protocol.inflight import Running
from appliance.protocol.output_frames import Reader, new_mark
from appliance.server.http import lenient
from appliance.server.http.chunked import ChunkedBody
from appliance.server.http.fields import FieldReader
from appliance.server.http.head import HeadParser
from appliance.server.http.limits import Limits
from appliance.server.http.refusal import RequestRefused
from appliance.server.http.response import response_head
from appliance.server.http.served_hosts import hosts
from appliance.server.http.trusted_proxies import TrustedProxies
from appliance.server.pages import error_page
from appliance.server.pages.advice import project_files, project_variables
from appliance.server.pages.advice.distributions import distribution
from appliance.server.pages.advice.exception_advice import advice
from appliance.server.pages.tracebacks import describe
from appliance.server.wsgi.access_log import request_ids
from appliance.server.wsgi.streams import FileWire
from appliance.supervisor.debugger.dap import Frames, Session
from appliance.worker import stdlib_shadowing
from appliance.worker.frameworks import framework_errors
from appliance.worker.stdio.logging_records import fields_of
from tests.adversarial import slow_text
from tests.thorough import THOROUGH

pytestmark = pytest.mark.whole

FILE_SIZE = 8_192 if THOROUGH else 2_048
SHARE = 1 if THOROUGH else 4  # each file gets one text in so many; the readers share most of their code
OUTPUT_SHARE = 1 if THOROUGH else 2  # so does each reader of output: together they get all texts
LIMITS = Limits(max_fields=100_000)
MARK = new_mark()
CONSOLE = Console(colour=True, root="/a", width=lambda: 80)
TRACEBACK = TracebackText(Palette(colour=True), "/a")
RULES = Rules(redact=["token", "code"])
PROXIES = TrustedProxies(("*",))
MASK = masking.Mask({"SECRET_KEY": "a long secret", "TOKEN": "aaaaaaaab", "OTHER_TOKEN": "a:b@c://d:e"})


def raw(text: str) -> bytes:
    """As a client's bytes."""
    return text.encode("utf-8", "surrogatepass")


def refused(call: Callable[[], object]) -> None:
    """A refusal is an answer too."""
    with contextlib.suppress(RequestRefused, response_head.ApplicationFault, OSError, ValueError):
        call()


def environ(text: str) -> None:
    """All that a trusted proxy may claim."""
    for key in ("FORWARDED", *(f"X_FORWARDED_{name}" for name in ("FOR", "PROTO", "HOST", "PORT", "PREFIX"))):
        PROXIES.apply({"REMOTE_ADDR": "1.2.3.4"}, {f"HTTP_{key}": text.encode("utf-8", "replace").decode("latin-1")})


def values(text: str) -> None:
    """The fields that mean something to the server."""
    for name in (b"Connection", b"Expect", b"Transfer-Encoding", b"Content-Length", b"Cookie"):
        with contextlib.suppress(RequestRefused):
            FieldReader(LIMITS).read(b"Host: a\r\n%b: %b" % (name, raw(text)), 1)


def advised(kind: type[BaseException], **attributes: Any) -> Callable[[str], None]:
    """The advice on an exception of this kind with the text as its words."""

    def call(text: str) -> None:
        error = kind(text)
        for name, value in attributes.items():
            setattr(error, name, text if value is None else value)
        advice(error, "/nowhere")

    return call


def of_module(name: str, base: type[Exception] = Exception) -> type[Exception]:
    """A class of a library's full name."""
    module, _, short = name.rpartition(".")
    return type(short, (base,), {"__module__": module})


def record(text: str) -> None:
    """A request that a worker reported."""
    texts: dict[str, Any] = dict.fromkeys(AccessRecord.__annotations__, text)
    numbers: dict[str, Any] = {"event": "request.finished", "duration_us": 1, "first_byte_us": 1, "status": 200}
    numbers["trace"] = [text, text, text, 1, text]
    access.event(AccessRecord(**(texts | numbers)), RULES)


def lines(text: str) -> None:
    """The raw output of a child, in pieces and whole."""
    words = OutputLines(MARK)
    data = raw(text)
    for start in range(0, len(data), 4096):
        list(words.feed(data[start : start + 4096]))
    list(words.settle())
    list(words.rest())


def logged_record(text: str) -> None:
    """A record of the project's own."""
    made = logging.LogRecord("a", 20, text, 1, text, (), None)
    made.extra = text
    fields = fields_of(made, made.getMessage())
    logging_events.fields({**fields, "level": "info"})


def traceback_text(text: str) -> None:
    """A traceback on its way to a terminal."""
    TRACEBACK.summary(f"Traceback (most recent call last):\n{text}")
    TRACEBACK.lines(text)
    as_text([{"type": text, "message": text, "frames": [{"file": text, "line": 1, "function": text, "source": text}]}])


def blocks(text: str) -> None:
    """Lines that may belong together."""
    rows = raw(text).split(b"\n")
    kept = Blocks()
    list(kept.feed([b"Traceback (most recent call last):", *rows]))
    list(kept.settle())
    for row in rows:
        stands_alone(row)
        list(kept.feed([row]))


def whole_page(text: str) -> None:
    """A failure whose every word is the text."""
    found = error_page.report(ValueError(text), root="/a", kind="request")
    for accept in ("text/html", "application/json", "text/plain"):
        error_page.render({"status": 500, **found, "details": text, "lead": text, "action": text}, accept)


CLIENT: dict[str, Callable[[str], object]] = {
    "head": lambda text: refused(lambda: HeadParser(FieldReader(LIMITS)).parse(raw(text))),
    "target": lambda text: refused(
        lambda: HeadParser(FieldReader(LIMITS)).parse(b"GET %b HTTP/1.1\r\nHost: a" % raw(text))
    ),
    "fields": lambda text: refused(lambda: FieldReader(LIMITS).read(raw(text), 1)),
    "values": values,
    "chunks": lambda text: refused(ChunkedBody(FileWire(io.BytesIO(raw(text)), None), LIMITS).read),
    "extensions": lambda text: refused(ChunkedBody(FileWire(io.BytesIO(b"0;" + raw(text)), None), LIMITS).read),
    "trailers": lambda text: refused(ChunkedBody(FileWire(io.BytesIO(b"0\r\n" + raw(text)), None), LIMITS).read),
    "lenient": lambda text: lenient.take_head(raw(text)),
    "host": lambda text: (hosts.is_host(text), hosts.host_name(text), hosts.AllowedHosts(["a.b"])(text)),
    "traceparent": request_ids.trace_of,
    "tracestate": traces.state_of,
    "tracestate's members": lambda text: traces.state_of(",".join(f"{part}=1" for part in text[:512])),
    "request id": lambda text: request_ids.RequestIds().of({"HTTP_X_REQUEST_ID": text}),
    "request line": request_summary.of_line,
    "forwarded": environ,
    "accept": error_page.preferred_format,
    "access": record,
    "query": lambda text: RULES.redacted(text) if RULES.suspicious(text) else "",
    "abandoned": lambda text: abandoned_requests.record(Running(0.0, "id", raw(text)), now=1.0, wall=1.0, reason=""),
    "debugger": lambda text: refused(lambda: list(Frames().feed(raw(text)))),
    "debugger's words": lambda text: (Session().from_client(raw(text)), Session().from_debugger(raw(text))),
}
PROJECT: dict[str, Callable[[str], object]] = {
    "advice": advised(ValueError),
    "advice of a module": advised(ModuleNotFoundError, name=None),
    "advice of an import": advised(ImportError, name="a", path="/site-packages/a"),
    "advice of a variable": advised(of_module("django.core.exceptions.ImproperlyConfigured")),
    "advice of settings": advised(of_module("pydantic.ValidationError")),
    "advice of a database": advised(of_module("psycopg.OperationalError")),
    "advice of a host": advised(of_module("a.DisallowedHost")),
    "advice of a system error": advised(OSError),
    "traceback": lambda text: describe(ValueError(text)).text(),
    "error page": whole_page,
    "banner": lambda text: framework_errors.insert_advice(raw(text), "words", [], html=True),
    "distribution": distribution,
    "paste": package_names.normalized,
    "response": lambda text: refused(
        lambda: response_head.ResponseHeads("a").fields([("A", text), ("Connection", text)])
    ),
    "status": lambda text: refused(lambda: response_head.ResponseHeads("a").statuses[f"200 {text}"]),
    "record": logged_record,
    "sanitise": lambda text: (sanitise(text), sanitise(text, lines=True)),
    "values": lambda text: sanitised({text: [text, {text: text}]}),
    "json line": lambda text: json_line(None, "info", {"text": text}),
    "console": lambda text: CONSOLE(None, "info", entry("application.failed", traceback=text, error=text, action=text)),
    "console's output": lambda text: CONSOLE(None, "info", entry("output", stream="stdout", text=text)),
    "console's access": lambda text: CONSOLE(None, "info", entry("request.finished", **{"url.path": text})),
    "traceback text": traceback_text,
    "paths of packages": lambda text: (short_paths(f"{text}-packages/"), short_paths(f"-packages/{text}")),
    "blocks": blocks,
    "lines": lines,
    "output": lambda text: (output_events.json_object(raw(text)), output_events.fields(b"{%b}" % raw(text))),
    "tagged": lambda text: list(Reader(MARK).feed(raw(text))),
    "mask": MASK.masked,
    "mask of bytes": lambda text: MASK.may_hold(raw(text)),
    "entry points": lambda text: setup_files.pairs_of(setup_files.lines_of(text)),
    "an entry point's function": entrypoints._FUNCTION.match,
    "a setup.py that no Python 3 parses": lambda text: setup_files.unparsed_facts(f"print 1\nsetup(name='a'\n{text}"),
    "requirements of setup.py": setup_files.lines_of,
    "poetry's constraint": dependency_spec.specifier,
    "uv's words": lambda text: uv_errors.failure(text.split("\n"), 1, ""),
    "uv's last words": lambda text: uv_errors.failure([f"error: {text}"], 1, "offline"),
}


def entry(event: str, **fields: Any) -> dict[str, Any]:
    """An event on its way to the log."""
    opening = {"timestamp": "2026-11-25T01:24:16.085142Z", "level": "info", "event": event, "role": "worker"}
    return {**opening, **fields}


@pytest.mark.parametrize("call", CLIENT.values(), ids=CLIENT.keys())
def test_bytes_of_a_client_take_linear_time(call: Callable[[str], object]):
    """8 KB (64 in the long form) that a client made for it take a function of ours no more than linear time."""
    assert not slow_text(call)


@pytest.mark.parametrize("name", PROJECT)
def test_output_of_a_project_takes_linear_time(name: str):
    """8 KB (64 in the long form) that a project raises, prints, logs or answers take no more than linear time."""
    assert not slow_text(PROJECT[name], every=OUTPUT_SHARE, first=[*PROJECT].index(name) % OUTPUT_SHARE)


# Files of a project that are read as text, each with those who read it.
FILES = (
    ".env", ".env.example", ".flaskenv", ".python-version", "runtime.txt", "requirements.txt", "requirements-dev.txt",
    "pyproject.toml", "setup.cfg", "setup.py", "Pipfile", "Pipfile.lock", "poetry.lock", "uv.lock", "pylock.toml",
    "environment.yml", "Procfile", "gunicorn.conf.py", "uwsgi.ini", "zappa_settings.json", "app.yaml", "Dockerfile",
    "docker-compose.yml", "Makefile", "start.sh", "development.ini", "app.py", "manage.py", "pip.conf",
)  # fmt: skip


def readers(file: Path) -> Callable[[], None]:
    """Everything of ours that opens this file of a project, one after the other; an error of ours is an answer."""
    root = file.parent
    looks: tuple[Callable[[], object], ...] = (
        lambda: env.load_environment({}, root),
        lambda: find_application(root, {}, None),
        lambda: find_application(root, {}, "shop"),
        lambda: read_manifest(root).contents(""),
        lambda: read_python_requirements(root),
        lambda: project_files.mentions(str(root), "a"),
        lambda: project_variables.variable_files(str(root), "A"),
        lambda: project_files.table_command(str(root)),
        lambda: project_files.missing_imports(str(root)),
        lambda: project_files.dependency_file(str(root)),
        lambda: uv_errors.place_of("a in `requirements.txt` at position 3", [root / name for name in FILES]),
        lambda: stdlib_shadowing.choose_modules([str(root)], sys.path[:1]),
    )
    file.write_text("a = b\n", encoding="utf-8")
    chosen = [look for look in looks if opens(look, file)]
    assert chosen

    def read() -> None:
        for look in chosen:
            with contextlib.suppress(ApplianceError, RecursionError):
                look()

    return read


# In which files the parser of another library takes long for which signs.
THEIRS = {(".toml", "Pipfile", ".lock"): ".", ("env",): " ", (".yml",): "[{"}


def opens(look: Callable[[], object], file: Path) -> bool:
    """Whether this reader opens this file."""
    opened: list[str] = []

    def noting(call: Callable[..., Any]) -> Callable[..., Any]:
        def noted(path: Any, *given: Any, **named: Any) -> Any:
            opened.append(Path(os.fsdecode(path)).name if isinstance(path, str | bytes | Path) else "")
            return call(path, *given, **named)

        return noted

    with pytest.MonkeyPatch.context() as patched, contextlib.suppress(ApplianceError):
        for holder in (os, io, builtins):
            patched.setattr(holder, "open", noting(holder.open))
        look()
    return file.name in opened


@pytest.mark.parametrize("name", FILES)
def test_a_projects_file_is_read_in_linear_time(tmp_path: Path, name: str):
    """A file, whatever it holds, is read by all its readers in linear time at most.

    Except for other libraries' parsers: the interpreter's own for a TOML key of thousands of parts (0.6 s for 64 KB),
    python-dotenv's for thousands of blanks in a line (6 s), and PyYAML's for values in values (0.8 s for 1,500, and
    for more, since it gives up).
    """
    file = tmp_path / name
    read = readers(file)
    theirs = next((signs for names, signs in THEIRS.items() if name.endswith(names)), "")

    def call(text: str) -> None:
        if all(text.count(sign) < 1000 for sign in theirs):
            file.write_text(text, encoding="utf-8", errors="replace")
            read()

    assert not slow_text(call, FILE_SIZE, SHARE, FILES.index(name) % SHARE)
