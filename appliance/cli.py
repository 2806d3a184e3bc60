"""Parse the command line, run one command, and print its errors.

The only module that ends the process. Runs in the process of every command, ``serve`` included. Each command's modules
are imported when that command is chosen, so that ``status`` does not pay for ``serve``.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import __version__
from appliance.commands.wrong_arguments import Parser, unknown_arguments, unknown_command, wrong_value
from appliance.config.reference import help_table
from appliance.config.table import TABLE
from appliance.errors import ApplianceError, SettingsError, defect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

EXIT_CODES = """exit codes:
  0  done, or stopped by SIGTERM       4  the address can't be listened on
  1  a defect; status: not served;     5  the dependencies can't be installed
     requests --replay: it differs     6  no application was found (check)
  2  a setting or flag is not valid    7  no appliance answers (status)
  3  the project's folder is missing   8  a request is not kept, or not sent again
  128 + n  ended by signal n; run: the command's own code, 127 if there is none"""


# The settings that decide what is found and installed: shown in the help of the commands that only look, or install.
_PLANNING = ("APP", "ASGI", "PROJECT", "ENV_FILES", "PYTHON", "INSTALL", "DEPENDENCIES", "CACHE")

# Errors of a write: a full disk, a limit of a user's or of a file's size, a disk that fails.
_UNWRITTEN = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})

# Programs that people start in a container without ``run``: ``docker run IMAGE python manage.py migrate``.
PROJECT_PROGRAMS = frozenset({"python", "python3", "pip", "pip3", "flask", "django-admin", "pytest", "sh", "bash"})


def _settings(shown: frozenset[str] | None, without: str = "") -> Parser:
    """Return the grammar of the settings; the help of a command leaves out those that are not ``shown`` (None: all).

    ``without``: a setting whose flag means something else for this command.
    """
    settings = Parser(add_help=False)
    every = "" if shown is None else " Every other setting is a flag too: see `appliance serve --help`."
    group = settings.add_argument_group(
        "settings", f"Each is also APPLIANCE_NAME in the environment; a flag wins.{every}"
    )
    for setting, (flag, metavar, text) in zip(TABLE, help_table(), strict=True):
        if setting.name == without:
            continue
        hidden = shown is not None and setting.name not in shown
        group.add_argument(flag, metavar=metavar, help=argparse.SUPPRESS if hidden else text, default=argparse.SUPPRESS)
    return settings


def parser() -> Parser:
    """Build the command line's grammar; the flags come from the table of settings."""
    main_parser = Parser(
        prog="appliance",
        usage="appliance [COMMAND] [FLAGS]",
        description="A development server for any Python WSGI project. Not for production.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    main_parser.add_argument("--version", action="version", version=f"appliance {__version__}", help="show the version")
    commands = main_parser.add_subparsers(
        title="commands", description="Each has its own --help. Without a command, serve runs.", dest="command",
        metavar="COMMAND", parser_class=Parser, prog=main_parser.prog,
    )  # fmt: skip

    def add(name: str, text: str, *shown: str, usage: str = "", without: str = "") -> Parser:
        settings = _settings(frozenset(shown) if shown else None, without)
        words = " ".join(filter(None, ["appliance", name, "[SETTINGS]", usage]))
        return commands.add_parser(
            name, help=text, description=text, parents=[settings], usage=words, allow_abbrev=False
        )

    _add_server_commands(add)
    _add_project_commands(add)
    main_parser.commands = commands.choices
    return main_parser


def _add_server_commands(add: Callable[..., Parser]) -> None:
    """Add the commands that serve the project, or tell about it."""
    add("serve", "Serve the project: install its dependencies, and reload it on each save.")
    _add_check(add)
    add("config", "Show each setting, its value, and where the value comes from.", "PROJECT", "ENV_FILES")
    status = add(
        "status", "Show what the running appliance does, and what is wrong. Exits with 0 if the project is served.",
        "PROJECT", "STATUS_SOCKET", usage="[--json] [--stacks] [--live]",
    )  # fmt: skip
    status.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")
    status.add_argument("--stacks", action="store_true", help="print the stacks of the worker's threads")
    status.add_argument("--live", action="store_true", help="exit with 0 if the appliance answers at all")
    requests = add(
        "requests", "List the last requests, or show one with what it printed and raised.", "PROJECT", "STATUS_SOCKET",
        usage="[--follow] [--json] [NUMBER [--replay]]",
    )  # fmt: skip
    requests.add_argument("number", nargs="?", type=int, metavar="NUMBER", help="show all of this request")
    requests.add_argument("--follow", action="store_true", help="then show each new request, until Ctrl+C")
    requests.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object a line")
    requests.add_argument(
        "--replay",
        action="store_true",
        help="send this request again, and show how its response differs; exit with 1 if it does",
    )
    requests.add_argument(
        "--yes", action="store_true", help="send it without asking, although its method may change data"
    )
    requests.add_argument("--path", default="", metavar="TEXT", dest="q", help="only paths and queries with this text")
    requests.add_argument("--method", default="", metavar="METHOD", help="only this method")
    requests.add_argument("--status", default="", metavar="STATUS", help="only this status, or a class such as 5xx")
    requests.add_argument("--slower-ms", default="", metavar="MS", help="only those that took at least this long")
    requests.add_argument("--slower_ms", dest="slower_ms", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    requests.add_argument("--limit", default="20", metavar="COUNT", help="how many, the newest (default: 20)")
    mcp = add(
        "mcp", "Serve tools for an assistant (MCP) on stdin and stdout: docker compose exec -T app appliance mcp.",
        "PROJECT", "STATUS_SOCKET", usage="[--print-config KIND]",
    )  # fmt: skip
    mcp.add_argument(
        "--print-config", choices=("stdio", "http"), metavar="KIND",
        help="print what to write into .mcp.json, and exit: stdio, or http, which contains the token",
    )  # fmt: skip
    doctor = add(
        "doctor", "Look for problems of this machine and container, and say what to do. Exits with 1 if there is one.",
        "PROJECT", "CACHE", "STATUS_SOCKET", usage="[--json]",
    )  # fmt: skip
    doctor.add_argument("--json", action="store_true", dest="as_json", help="print one JSON list")


def _add_project_commands(add: Callable[..., Parser]) -> None:
    """Add the commands that run something for the project, or change something."""
    run = add(
        "run", "Run a command in the project's environment, as the project's owner.", "PROJECT", "ENV_FILES", "PYTHON",
        "CACHE", usage="[--watch] CMD ...", without="WATCH",
    )  # fmt: skip
    run.add_argument(
        "--watch", action="store_true", dest="watched", help="start the command again whenever code or settings change"
    )
    run.add_argument("argv", nargs=argparse.REMAINDER, metavar="CMD", help="the command and its arguments")
    init = add(
        "init", "Write a compose file, a dev container and a .env.example into the project.", "PROJECT", "APP",
        usage="[--source SOURCE] [--force]",
    )  # fmt: skip
    init.add_argument(
        "--source",
        metavar="SOURCE",
        help="the appliance's repository, a URL or a folder, to build a missing image (default: what built this image)",
    )
    init.add_argument("--force", action="store_true", help="also change files that exist, as the diff shows")
    eject = add(
        "eject", "Write a production Dockerfile, its locked dependencies, a compose file and a Kubernetes base.",
        "PROJECT", "APP", "DEPENDENCIES", "PYTHON", "CACHE", usage="[--server SERVER] [--verify] [--requests FILE]",
    )  # fmt: skip
    eject.add_argument("--verify", action="store_true", help="build the image, and compare its answers with those here")
    eject.add_argument("--requests", metavar="FILE", help="the requests to compare by, one a line (default: routes)")
    eject.add_argument("--server", metavar="SERVER", help="gunicorn (default), granian, waitress or uwsgi")
    _add_deploy(add)
    install = add(
        "install", "Install the project's dependencies, and exit.", *_PLANNING, usage="[--report] [--near DIR]"
    )
    install.add_argument("--report", action="store_true", help="print a failure as one JSON object on stdout")
    install.add_argument("--near", metavar="DIR", help="the application's folder (default: the appliance looks for it)")


def _add_check(add: Callable[..., Parser]) -> None:
    """Add the command that shows the findings about the project."""
    check = add(
        "check", "Show which application was found in the project, and why. Starts nothing without --reload.",
        *_PLANNING, "STATUS_SOCKET", usage="[--verbose] [--json] [--reload]", without="RELOAD",
    )  # fmt: skip
    check.add_argument("--verbose", action="store_true", help="list each module that is not preloaded, and why")
    check.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")
    check.add_argument(
        "--reload",
        action="store_true",
        dest="costs",
        help="start the project, and show what a save of each module costs",
    )


def _add_deploy(add: Callable[..., Parser]) -> None:
    """Add the command that writes the files of a preview."""
    deploy = add(
        "deploy", "Write the files that run a preview of the project in Swarm, Kubernetes or Compose. Deploys nothing.",
        "PROJECT", usage="--for ENGINE [--name NAME] [--preview-host HOST] [--source SOURCE]",
    )  # fmt: skip
    engines = ("swarm", "kubernetes", "compose")
    deploy.add_argument("--for", choices=engines, dest="engine", metavar="ENGINE", help=", ".join(engines))
    deploy.add_argument(
        "--name", metavar="NAME", help="of the stack, the Deployment, the image (default: the project's)"
    )
    deploy.add_argument("--preview-host", metavar="HOST", help="the host name of the preview (default: NAME.localhost)")
    deploy.add_argument("--source", metavar="SOURCE", help="the appliance's repository, as for init")


def main(argv: Sequence[str], process: Mapping[str, str]) -> int:
    """Run one command and return its exit code."""
    serving = not argv or argv[0] == "serve" or argv[0].startswith("-")
    try:
        return _command(argv, process)
    except ApplianceError as error:
        return _report(error, process, as_event=serving and not sys.stdout.isatty())
    except BrokenPipeError:  # the reader has closed the pipe: appliance check | head
        return 128 + signal.SIGPIPE
    except OSError as error:
        failure = _unwritten(error) if error.errno in _UNWRITTEN and error.filename is None else defect(error)
        return _report(failure, process, as_event=serving and not sys.stdout.isatty())
    except Exception as error:  # noqa: BLE001  no traceback of ours reaches a user
        return _report(defect(error), process, as_event=serving and not sys.stdout.isatty())


def _report(error: ApplianceError, process: Mapping[str, str], *, as_event: bool) -> int:
    """Write the error as a log event on stdout or as text on stderr; return its exit code."""
    if as_event:
        return _as_event(error, process)
    from appliance.logs.sanitise import sanitise
    from appliance.masking import Mask

    place = f"  place:    {error.details['place']}\n" if "place" in error.details else ""
    text = f"appliance: {error.found}\n  expected: {error.expected}\n  do this:  {error.action}\n{place}"
    with contextlib.suppress(OSError):  # stderr may be closed
        sys.stderr.write(sanitise(Mask(process).masked(text), lines=True))
    return error.exit_code


def _command(argv: Sequence[str], process: Mapping[str, str]) -> int:
    args = list(argv)
    if args and args[0] in PROJECT_PROGRAMS:
        args.insert(0, "run")
    if not args or (args[0].startswith("-") and args[0] not in {"-h", "--help", "--version"}):
        args.insert(0, "serve")
    arguments = _parsed(args)
    fields = {setting.field for setting in TABLE}
    flags = {name: text for name, text in vars(arguments).items() if name in fields}
    _check_working_folder()
    return _run(arguments, process, flags)


def _parsed(args: Sequence[str]) -> argparse.Namespace:
    grammar = parser()
    command = grammar.commands.get(args[0], grammar)
    try:
        arguments, unknown = grammar.parse_known_args(args)
    except argparse.ArgumentError as error:
        raise (unknown_command(args, grammar) if command is grammar else wrong_value(error, command)) from None
    if unknown:
        raise unknown_arguments(unknown, command)
    return arguments


def _check_working_folder() -> None:
    try:
        Path.cwd()
    except OSError as error:
        raise SettingsError(
            f"the working folder can't be used: {error.strerror}",
            expected="a working folder that exists; paths are relative to it",
            action="Change to the project's folder again (cd); restart a container whose mounted folder was replaced.",
        ) from None


def _run(arguments: argparse.Namespace, process: Mapping[str, str], flags: Mapping[str, str]) -> int:  # noqa: PLR0911
    """Run the command that was chosen: the one place that knows them all."""
    match arguments.command:
        case "serve":
            from appliance.commands import serve

            return serve.command(process, flags)
        case "run":
            from appliance.commands import run_command

            words = arguments.argv[1:] if arguments.argv[:1] == ["--"] else arguments.argv
            return run_command.command(process, flags, words, watch=arguments.watched)
        case "init":
            from appliance.commands import init

            return init.command(process, flags, source=arguments.source, force=arguments.force)
        case "eject":
            from appliance.commands.production import eject

            return eject.command(process, flags, arguments)
        case "deploy":
            from appliance.commands.production import deploy

            return deploy.command(
                process, flags, arguments.engine,
                name=arguments.name, host=arguments.preview_host, source=arguments.source,
            )  # fmt: skip
        case "install":
            from appliance.commands import install

            return install.command(process, flags, report=arguments.report, near=arguments.near)
        case "status" | "requests" | "mcp" | "doctor":
            return _show(arguments, process, flags)
        case "check" if arguments.costs:
            from appliance.commands import reload_costs

            return reload_costs.command(process, flags, verbose=arguments.verbose, as_json=arguments.as_json)
        case "check":
            from appliance.commands import explain

            return explain.check(process, flags, verbose=arguments.verbose, as_json=arguments.as_json)
        case _:
            from appliance.commands import explain

            return explain.config(process, flags)


def _show(arguments: argparse.Namespace, process: Mapping[str, str], flags: Mapping[str, str]) -> int:
    """Run a command that shows the state of the running appliance."""
    match arguments.command:
        case "status":
            from appliance.commands import show_status

            return show_status.command(
                process, flags, as_json=arguments.as_json, live=arguments.live, stacks=arguments.stacks
            )
        case "requests":
            from appliance.commands.recorded import list_requests

            given = {name: getattr(arguments, name) for name in ("q", "method", "status", "slower_ms", "limit")}
            return list_requests.command(
                process, flags, given, number=arguments.number, follow=arguments.follow, as_json=arguments.as_json,
                replayed=arguments.replay, confirmed=arguments.yes,
            )  # fmt: skip
        case "mcp":
            from appliance.commands.recorded import mcp_command

            return mcp_command.command(process, flags, config=arguments.print_config)
        case _:
            from appliance.commands.diagnosis import doctor

            return doctor.command(process, flags, as_json=arguments.as_json)


def _as_event(error: ApplianceError, process: Mapping[str, str]) -> int:
    """Write the error of a wrong ``serve`` command line as a log event: stdout of ``serve`` is JSON lines alone."""
    from appliance.logs.log import make_log

    lines: list[bytes] = []
    log = make_log(lines.append, level="info", access="on")
    log.add_secrets(process)
    log.event("error", error.event, **error.fields())
    with contextlib.suppress(OSError):  # stdout may be closed
        sys.stdout.write(b"".join(lines).decode())
    return error.exit_code


def _unwritten(error: OSError) -> ApplianceError:
    return ApplianceError(
        f"the output can't be written: {error.strerror}",
        expected="room where the output goes",
        action="Free some space, or send the output elsewhere.",
    )


def end(code: int, process: Mapping[str, str]) -> None:
    """Exit now, without waiting for threads that block in the kernel (the watcher's, a writer's on a full pipe)."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError) as error:
            if stream is sys.stdout and isinstance(error, OSError) and error.errno in _UNWRITTEN:
                code = _report(_unwritten(error), process, as_event=False)
    os._exit(code)
