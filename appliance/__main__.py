"""``python -I -m appliance``: the way in of our side.

Owns the first things that happen: signals are answered before anything slow is imported, for as PID 1 nobody else
does; and a standard stream that is closed gets a descriptor, before anything else can. The environment is read here,
once.
"""

from __future__ import annotations

from appliance.supervisor.signals import answer_early


def main() -> int:
    """Run the command line of this process; ends it."""
    answer_early()
    import os  # noqa: PLC0415  after the handlers
    import sys  # noqa: PLC0415  as above

    from appliance.supervisor.processes.descriptors import replace_closed_streams  # noqa: PLC0415  as above

    replace_closed_streams()
    from appliance import cli  # noqa: PLC0415  as above

    try:
        code = cli.main(sys.argv[1:], dict(os.environ))  # noqa: TID251  the one place that reads it
    except SystemExit as done:  # argparse's own, after --help and --version
        code = done.code if isinstance(done.code, int) else 0
    cli.end(code)
    return code


if __name__ == "__main__":
    main()
