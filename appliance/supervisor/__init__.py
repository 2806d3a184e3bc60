"""PID 1: own the listening socket, start the worker, restart processes that die, report what happens.

Runs in the supervisor, in the appliance's own interpreter, and never imports the project's code; ``loop`` and
``signals`` run in ``appliance run --watch`` too.
"""
