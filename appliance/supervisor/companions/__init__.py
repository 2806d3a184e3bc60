"""Companions: the project's other processes, such as a Celery worker or a bundler, run beside its worker.

Runs in the supervisor; the search for remaining processes runs in ``appliance run --watch`` too. ``companion_guard`` is
a process of its own.
"""
