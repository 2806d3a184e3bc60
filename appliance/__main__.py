"""``python -I -m appliance``: start the appliance's own side.

Signal handlers come first, before any slow import: PID 1 has no default handlers. Then a closed standard stream gets a
descriptor, before anything else can take its number. The environment is read here, once.
"""

from __future__ import annotations

from appliance.supervisor.signals import answer_early


def main() -> int:
    """Run the command line of this process, and end the process."""
    answer_early()
    import os  # noqa: PLC0415  after the handlers
    import sys  # noqa: PLC0415  as above

    from appliance.supervisor.processes.descriptors import replace_closed_streams  # noqa: PLC0415  as above

    replace_closed_streams()
    from appliance.logs.light_structlog import lighten_structlog  # noqa: PLC0415  as above

    lighten_structlog()
    from appliance import cli  # noqa: PLC0415  after that: some commands import structlog

    process = dict(os.environ)  # noqa: TID251  the one place that reads it
    try:
        code = cli.main(sys.argv[1:], process)
    except SystemExit as done:  # argparse exits after --help and --version
        code = done.code if isinstance(done.code, int) else 0
    cli.end(code, process)
    return code


if __name__ == "__main__":
    main()
