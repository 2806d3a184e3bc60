"""Start the worker that serves, replace it after a save, and end the old one.

Runs in the supervisor.
"""
