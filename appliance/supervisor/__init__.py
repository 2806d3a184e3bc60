"""PID 1: own the listening socket, start the worker, restart what dies, report what happens.

Runs in the appliance's own interpreter, and never imports the project's code.
"""
