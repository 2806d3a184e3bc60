"""What the project prints and logs, on its way to the supervisor.

Runs in a worker, and in the preloader.
"""
