"""The appliance: a development server for any Python WSGI project.

The flow, as the tree has it:

    cli          argv to one command; commands/ has a module for each
    boot/        environment, settings, project, dependencies: analysed before any process starts
    supervisor/  PID 1: owns the listening socket, starts the worker, restarts what dies
    worker/      in the project's interpreter: imports the application and serves it
    server/      the WSGI server that the worker runs
    logs/        records to JSON lines on stdout

Two sides that never import each other: ours (cli, boot, supervisor, logs) runs in the appliance's own interpreter, the
project's (worker, server) in the project's, with the standard library alone. ``channel`` is what both speak.

This module is loaded on both sides, so it imports nothing.
"""

__version__ = "0.2.0"
