"""argv to one command, and every error to words.

Owns the command line's grammar and the exit codes. The only place that exits. Runs in the appliance's own
interpreter; a command's modules are imported when it is chosen, so that ``status`` does not pay for ``serve``.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

from appliance import __version__
from appliance.config.settings import TABLE, help_table
from appliance.errors import ApplianceError, SettingsError, defect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EXIT_CODES = """exit codes:
  0  done, or stopped by SIGTERM       4  the address can't be listened on
  1  a defect; status: not served      5  the dependencies can't be installed
  2  a setting or flag can't be meant  6  no application was found (check)
  3  the project's folder is missing   7  no appliance answers (status)
  128 + n  ended by signal n; run: the command's own code, 127 if there is none"""


# What people ask a container for, without a thought of us: ``docker run IMAGE python manage.py migrate``.
THE_PROJECTS = frozenset({"python", "python3", "pip", "pip3", "flask", "django-admin", "pytest", "sh", "bash"})


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]  # argparse's own exits; this one is worded by main
        raise SettingsError(
            f"the command line can't be meant: {message}",
            expected="a command and its flags, as `appliance --help` lists them",
            action=f"See {self.prog} --help.",
        )


def parser() -> argparse.ArgumentParser:
    """The command line's grammar; the flags are the table of settings."""
    settings = _Parser(add_help=False)
    group = settings.add_argument_group("settings", "Each is also APPLIANCE_NAME in the environment; a flag wins.")
    for flag, metavar, words in help_table():
        group.add_argument(flag, metavar=metavar, help=words, default=argparse.SUPPRESS)
    main_parser = _Parser(
        prog="appliance",
        description="A development server for any Python WSGI project. Not for production.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    main_parser.add_argument("--version", action="version", version=f"appliance {__version__}")
    commands = main_parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    def add(name: str, words: str) -> _Parser:
        return commands.add_parser(name, help=words, description=words, parents=[settings], allow_abbrev=False)

    add("serve", "Install what the project depends on, serve it, reload it on save (the default).")
    add("check", "Say what was found in the project, and why; start nothing.")
    add("config", "Say each setting, its value and its origin.")
    status = add("status", "Say what the running appliance does; exit 0 when the project is served.")
    status.add_argument("--json", action="store_true", dest="as_json", help="as one JSON object")
    status.add_argument("--stacks", action="store_true", help="the stacks of the worker's threads, hung or not")
    status.add_argument("--live", action="store_true", help="exit 0 when the appliance answers at all")
    doctor = add(
        "doctor", "Look for what will hurt here: mounts, file events, owners, ports, limits; exit 1 if something does."
    )
    doctor.add_argument("--json", action="store_true", dest="as_json", help="as one JSON list")
    run = add("run", "Run a command in the project's environment, as the project's owner.")
    run.add_argument("argv", nargs=argparse.REMAINDER, metavar="CMD", help="the command and its arguments")
    init = add("init", "Write a compose file, a dev container and an example of variables into the project.")
    init.add_argument("--force", action="store_true", help="also change files that are there, as the diff shows")
    install = add("install", "Install what the project depends on, and end.")
    install.add_argument("--report", action="store_true", help="a failure is one JSON object on stdout")
    install.add_argument("--near", metavar="DIR", help="where the application lies (default: it is looked for)")
    return main_parser


def main(argv: Sequence[str], process: Mapping[str, str]) -> int:
    """Run one command; the exit code."""
    serving = not argv or argv[0] == "serve" or argv[0].startswith("-")
    try:
        return _command(argv, process)
    except ApplianceError as error:
        return _tell(error, process, as_event=serving and not sys.stdout.isatty())
    except BrokenPipeError:  # who reads has read enough: appliance check | head
        return 128 + signal.SIGPIPE
    except Exception as error:  # noqa: BLE001  no traceback of ours reaches a user
        return _tell(defect(error), process, as_event=serving and not sys.stdout.isatty())


def _tell(error: ApplianceError, process: Mapping[str, str], *, as_event: bool) -> int:
    """Say it as a line of the log, or as words; its exit code."""
    if as_event:
        return _as_event(error, process)
    from appliance.logs.sanitise import sanitise  # noqa: PLC0415  only now needed
    from appliance.masking import Mask  # noqa: PLC0415  as above

    place = f"  place:    {error.details['place']}\n" if "place" in error.details else ""
    text = f"appliance: {error.found}\n  expected: {error.expected}\n  do this:  {error.action}\n{place}"
    with contextlib.suppress(OSError):  # nobody reads it
        sys.stderr.write(sanitise(Mask(process).masked(text), lines=True))
    return error.exit_code


def _command(argv: Sequence[str], process: Mapping[str, str]) -> int:  # noqa: PLR0911  one for each command
    words = list(argv)
    if words and words[0] in THE_PROJECTS:
        words.insert(0, "run")
    if not words or (words[0].startswith("-") and words[0] not in {"-h", "--help", "--version"}):
        words.insert(0, "serve")
    arguments = parser().parse_args(words)
    fields = {setting.field for setting in TABLE}
    flags = {name: text for name, text in vars(arguments).items() if name in fields}
    match arguments.command:
        case "serve":
            from appliance.commands import serve  # noqa: PLC0415  only what is run is loaded

            return serve.command(process, flags)
        case "run":
            from appliance.commands import run_command  # noqa: PLC0415  as above

            return run_command.command(
                process, flags, arguments.argv[1:] if arguments.argv[:1] == ["--"] else arguments.argv
            )
        case "init":
            from appliance.commands import init  # noqa: PLC0415  as above

            return init.command(process, flags, force=arguments.force)
        case "install":
            from appliance.commands import install  # noqa: PLC0415  as above

            return install.command(process, flags, report=arguments.report, near=arguments.near)
        case "status":
            from appliance.commands import show_status  # noqa: PLC0415  as above

            return show_status.command(
                process, flags, as_json=arguments.as_json, live=arguments.live, stacks=arguments.stacks
            )
        case "doctor":
            from appliance.commands import doctor  # noqa: PLC0415  as above

            return doctor.command(process, flags, as_json=arguments.as_json)
        case "check":
            from appliance.commands import explain  # noqa: PLC0415  as above

            return explain.check(process, flags)
        case _:
            from appliance.commands import explain  # noqa: PLC0415  as above

            return explain.config(process, flags)


def _as_event(error: ApplianceError, process: Mapping[str, str]) -> int:
    """A command line of ``serve`` that can't be meant is a line of the log too: its stdout is JSON lines alone."""
    from appliance.logs.setup import make_log  # noqa: PLC0415  only now needed

    lines: list[bytes] = []
    log = make_log(lines.append, format="json", level="info", access="on", colour=False, root="")
    log.know(process)
    log.event("error", error.event, **error.fields())
    with contextlib.suppress(OSError):  # nobody reads it
        sys.stdout.write(b"".join(lines).decode())
    return error.exit_code


def end(code: int) -> None:
    """Exit now: threads that wait in the kernel (the watcher's, a writer's on a closed pipe) are not waited for."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
    os._exit(code)
