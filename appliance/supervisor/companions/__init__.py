"""Companions: the project's other processes, such as a Celery worker or a bundler, run beside its worker.

Runs in the supervisor.
"""
