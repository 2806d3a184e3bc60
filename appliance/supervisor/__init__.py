"""PID 1: owns the listening socket, starts the worker, restarts what dies, tells what happens.

Runs in the appliance's own interpreter, and never imports a line of the project's.
"""
