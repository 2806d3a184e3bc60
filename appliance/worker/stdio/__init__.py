"""Send the project's output and log records to the supervisor.

Runs in a worker, and in the preloader.
"""
