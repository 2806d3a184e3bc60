"""The appliance: a development server for any Python WSGI project.

The flow, as the tree has it:

    cli            argv to one command; commands/ has a module for each
    config/        flags, variables and .env files to settings
    identity/      which user runs, and what that user owns
    discovery/     the project's files to the application, never run
    dependencies/  what the project asks for, whatever file declares it
    environment/   the project's virtual environment, and its interpreter
    supervisor/    PID 1: owns the listening socket, starts the worker, restarts what dies
    watch/         which files changed
    logs/          records to JSON lines on stdout
    protocol/      what the supervisor and its children say to each other
    worker/        in the project's interpreter: imports the application and serves it
    server/        the WSGI server that the worker runs

Two sides that never import each other: ours (the first nine) runs in the appliance's own interpreter, the project's
(worker, server) in the project's, with the standard library alone. ``protocol`` is what both speak.

This module is loaded on both sides, so it imports nothing.
"""

__version__ = "0.2.0"
